"""The webhook with a certificate: connections that greet slowly, or read nothing, keep no alert out."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from deploy.local import probes
from tests.e2e.certificate import write_certificate
from tests.e2e.test_webhook_crowds import descriptors, has_more_than, lines, listen_cramped
from tests.e2e.webhook_stand import Stand, alert, stand
from worker.door import MOST_GREETING

type Files = tuple[Path, Path]
SILENT = ["", "\x16\x03\x01\x02\x00\x01", "GET / HTTP/1.1\r\nHost: here\r\n\r\n"]
"""Nothing, the beginning of a greeting, and no greeting of TLS at all."""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_certificate(tmp_path)


@pytest.fixture
async def webhook(client: Client, files: Files, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr("tests.e2e.webhook_stand.listen", listen_cramped)
    async with stand(client, tls_certificate=files[0], tls_key=files[1]) as running:
        yield running


@contextlib.asynccontextmanager
async def greeted(webhook: Stand, files: Files, number: int, said: bytes) -> AsyncIterator[None]:
    """So many connections that have greeted and said this, and read nothing."""
    url, trusted = webhook.http.base_url, ssl.create_default_context(cafile=files[0])
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as opened:
        for _ in range(number):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.setblocking(False)
            await loop.sock_connect(line, (url.host, url.port))
            transport, _ = await loop.create_connection(
                asyncio.Protocol, sock=line, ssl=trusted, server_hostname=url.host
            )
            opened.callback(transport.abort)
            transport.pause_reading()
            transport.write(said)
        yield


async def test_alerts_are_taken(webhook: Stand) -> None:
    assert (await webhook.post(alert(webhook.shop))).status_code == 200
    assert await webhook.signals(webhook.shop) == ["alert"]


@pytest.mark.parametrize("said", SILENT)
async def test_silent_connections_keep_no_alert_out(webhook: Stand, said: str) -> None:
    async with lines(webhook, MOST_GREETING + 100, said) as silent:
        assert (await webhook.post(alert(webhook.shop))).status_code == 200
        async with asyncio.timeout(3):
            for reader, _ in silent[:50]:
                with contextlib.suppress(ConnectionError):
                    await reader.read()


async def test_a_greeting_that_does_not_come_ends_the_connection(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.door.SECONDS_FOR_GREETING", 1.0)
    await webhook.post(alert(webhook.shop))
    before = descriptors()
    async with lines(webhook, 20):
        assert await probes.until(lambda: has_at_most(before + 39), 5) is None
        assert await probes.until(lambda: has_more_than(before + 20), 5) is None


async def has_at_most(number: int) -> str | None:
    return f"{descriptors()} descriptors" if descriptors() <= number else None


async def test_who_has_greeted_and_says_nothing_goes_where_there_are_too_many(
    webhook: Stand, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.MOST_CONNECTIONS", 10)
    monkeypatch.setattr("worker.connections.SECONDS_TO_LEAVE", 1.0)
    await webhook.post(alert(webhook.shop))
    before = descriptors()
    async with greeted(webhook, files, 30, b""):
        assert await probes.until(lambda: has_more_than(before + 30 + 10), 4) is None
        assert (await webhook.post(alert(webhook.shop))).status_code == 200


async def test_who_has_to_go_is_told_to_come_again(
    webhook: Stand, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.MOST_CONNECTIONS", 10)
    await webhook.post(alert(webhook.shop))
    url, trusted = webhook.http.base_url, ssl.create_default_context(cafile=files[0])
    async with contextlib.AsyncExitStack() as opened:
        readers = []
        for _ in range(12):
            reader, writer = await asyncio.open_connection(url.host, url.port, ssl=trusted)
            opened.callback(writer.close)
            readers.append(reader)
        async with asyncio.timeout(5):
            said = await readers[0].readuntil(b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 5\r\n" in said


async def test_an_answer_that_nobody_reads_ends_the_connection(
    webhook: Stand, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.SECONDS_FOR_ANSWER", 1.0)
    await webhook.post(alert(webhook.shop))
    before = descriptors()
    async with greeted(webhook, files, 3, b"POST /alerts HTTP/1.1\r\nHost: here\r\n\r\n" * 4_000):
        assert await probes.until(lambda: has_more_than(before + 3), 20) is None


async def test_where_there_is_no_room_connections_wait_and_one_line_tells(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accept, fails = socket.socket.accept, iter([True, False])

    def accept_later(listener: socket.socket) -> tuple[socket.socket, object]:
        if next(fails, False):
            raise OSError(24, "Too many open files")
        return accept(listener)

    monkeypatch.setattr("socket.socket.accept", accept_later)
    assert (await webhook.post(alert(webhook.shop))).status_code == 200
    said = capsys.readouterr()
    assert (said.out + said.err).count("Too many open files") == 1
    assert "Traceback" not in said.out + said.err
