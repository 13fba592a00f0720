"""Connections that say nothing, and too many that say much: the webhook takes alerts all the same."""

import asyncio
import contextlib
import dataclasses
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from activities.ballot import Ballot, Ballots
from deploy.local import probes
from tests.e2e.webhook_stand import KEY, PUBLIC, TOKEN, Stand, alert, path_of, stand
from tests.unit.incidents import report, request
from worker.body import ANSWER, FORM
from worker.connections import MOST_CONNECTIONS
from worker.http_app import MOST_BY_LINK
from worker.incidents import Incidents
from worker.process import allow_descriptors
from worker.site import listen
from workflows.models.report import Report

HEAD = f"POST /alerts HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {TOKEN}\r\n"
ASKED = request()
SECONDS_TO_TELL = 10.0
"""For what is told after a second: without a bound a test that should fail waits for ever."""

type Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def lines(
    webhook: Stand, number: int, said: str = "", *, reads: bool = True
) -> AsyncIterator[list[Line]]:
    """So many connections that have said this, and say nothing more."""
    url = webhook.http.base_url
    opened: list[Line] = []
    try:
        for _ in range(number):
            opened.append(await asyncio.open_connection(url.host, url.port))
            opened[-1][1].write(said.encode())
            if not reads:
                opened[-1][1].transport.pause_reading()  # type: ignore[attr-defined]
        yield opened
    finally:
        for _, writer in opened:
            writer.close()


async def fresh(webhook: Stand, path: str) -> httpx.Response:
    """By a connection of its own."""
    async with httpx.AsyncClient(base_url=webhook.http.base_url, timeout=5, trust_env=False) as http:
        return await http.get(path)


@pytest.mark.parametrize("said", ["", "POST /alerts HTTP/1.1\r\nHost: he"])
async def test_silent_connections_keep_no_alert_out(webhook: Stand, said: str) -> None:
    async with lines(webhook, MOST_CONNECTIONS + 50, said) as silent:
        assert (await fresh(webhook, "/healthz")).status_code == 200
        assert (await webhook.post(alert(webhook.shop))).status_code == 200
        async with asyncio.timeout(5):
            answers = [await reader.read() for reader, _ in silent[:50]]
        assert [answer[:13] for answer in answers] == [b"HTTP/1.1 503 "] * 50
        assert all(b"\r\nRetry-After: 5\r\n" in answer for answer in answers)
        assert not silent[-1][0].at_eof()


async def test_who_has_to_go_reads_why_though_its_request_is_on_its_way(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes to what is closed reads nothing of what came before."""
    monkeypatch.setattr("worker.connections.MOST_CONNECTIONS", 10)
    async with lines(webhook, 1, reads=False) as ((reader, writer),), lines(webhook, 10):
        assert (await fresh(webhook, "/healthz")).status_code == 200
        for piece in (HEAD, "Content-Length: 2\r\n\r\n", "{}"):
            writer.write(piece.encode())
            await asyncio.sleep(0.1)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            said = await reader.read()
    assert said.startswith(b"HTTP/1.1 503 ")
    assert said.count(b"HTTP/1.1") == 1


async def test_of_those_who_have_to_go_so_many_may_still_be_there(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.MOST_CONNECTIONS", 10)
    monkeypatch.setattr("worker.connections.MOST_LEAVING", 5)
    monkeypatch.setattr("worker.connections.SECONDS_TO_LEAVE", 60.0)
    async with lines(webhook, 30) as silent:
        async with asyncio.timeout(5):
            assert all([await reader.read() for reader, _ in silent[:15]])
        assert not any(reader.at_eof() for reader, _ in silent[15:])


async def test_who_was_answered_and_waits_is_not_answered_again(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came after the answer would be taken for that of the next request."""
    monkeypatch.setattr("worker.connections.MOST_CONNECTIONS", 10)
    async with lines(webhook, 1, "GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n") as (answered,):
        await answered[0].readuntil(b"\r\n\r\n")
        async with lines(webhook, 10), asyncio.timeout(5):
            assert b"HTTP/1.1" not in await answered[0].read()


@pytest.mark.parametrize("others", [0, 10], ids=["alone", "in a crowd"])
async def test_in_a_crowd_no_connection_is_kept_for_a_next_request(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    monkeypatch.setattr("worker.connections._CROWD", 9)
    async with lines(webhook, others), lines(webhook, 1) as ((reader, writer),):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        async with asyncio.timeout(SECONDS_TO_TELL):
            head = await reader.readuntil(b"\r\n\r\n")
            assert (b"connection: close" in head) is (others > 0)
            await reader.readuntil(b"}")


async def test_a_thousand_at_once_are_all_answered_however_slowly_they_ask(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_descriptors()  # both ends of each are here, and the webhook's process does so
    monkeypatch.setattr("worker.connections.SECONDS_TO_LEAVE", 60.0)

    async def ask(line: Line) -> bytes:
        reader, writer = line
        for piece in (b"GET /healthz HTTP/1.1\r\n", b"Host: here\r\n", b"\r\n"):
            writer.write(piece)
            await asyncio.sleep(0.1)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        return await reader.readline()

    async with lines(webhook, 1000, reads=False) as crowd, asyncio.timeout(3 * SECONDS_TO_TELL):
        answers = Counter(await asyncio.gather(*map(ask, crowd)))

    assert set(answers) <= {b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 Service Unavailable\r\n"}
    assert answers.total() == 1000


async def ended(line: Line) -> float:
    """Seconds until the other side closed it."""
    began = time.monotonic()
    await line[0].read()
    return time.monotonic() - began


@pytest.mark.parametrize("said", ["", "POST /al", "GET /healthz HTTP/1.1\r\nHost: here\r\n\r\nGET /heal"])
async def test_a_head_that_does_not_come_ends_the_connection(
    webhook: Stand, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.SECONDS_FOR_HEAD", 1.0)
    async with lines(webhook, 1, said) as (line,):
        async with asyncio.timeout(8):
            assert await ended(line) > 0.9


async def test_a_head_that_trickles_ends_the_connection(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.SECONDS_FOR_HEAD", 1.0)
    async with lines(webhook, 1, HEAD) as (line,):
        end = asyncio.create_task(ended(line))
        async with asyncio.timeout(8):
            while not end.done():
                line[1].write(b"X-A: b\r\n")
                await asyncio.sleep(0.1)
        assert await end > 0.9


async def test_a_request_under_way_is_not_cut_off_and_the_next_head_is_awaited_anew(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.SECONDS_FOR_HEAD", 0.5)
    async with lines(webhook, 1, f"{HEAD}Content-Length: 2\r\n\r\n") as ((reader, writer),):
        await asyncio.sleep(1.5)
        writer.write(b"{}")
        assert b" 422 " in await reader.readline()
        writer.write(b"GET /heal")
        async with asyncio.timeout(4):
            assert await ended((reader, writer)) > 0.4


async def test_health_is_answered_while_all_else_is_busy(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.http_app.MOST_REQUESTS", 3)
    async with lines(webhook, 3, f"{HEAD}Content-Length: 2\r\n\r\n") as busy:
        assert (await fresh(webhook, "/healthz")).status_code == 200
        answer = await webhook.post(alert(webhook.shop))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        for reader, writer in busy:
            writer.write(b"{}")
            assert b" 422 " in await reader.readline()
    assert (await webhook.post(alert(webhook.shop))).status_code == 200


async def test_whoever_has_a_link_cannot_keep_alerts_out(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.http_app.MOST_BY_LINK", 2)
    monkeypatch.setattr("worker.acknowledging.FORM", dataclasses.replace(FORM, longest=1.0))
    await webhook.post(alert(webhook.shop))
    path = await path_of(webhook)
    async with lines(webhook, 2, f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n") as busy:
        assert (await webhook.post(alert(webhook.mail))).status_code == 200
        assert (await fresh(webhook, path)).status_code == 503
        for reader, _ in busy:
            async with asyncio.timeout(SECONDS_TO_TELL):
                assert b" 408 " in await reader.readline()
    assert (await fresh(webhook, path)).status_code == 200
    assert await webhook.signals(webhook.shop) == ["alert"]


def path_of_approver(webhook: Stand) -> str:
    until, digest = datetime.now(UTC) + timedelta(minutes=10), ASKED.digest
    ballot = Ballot(target=webhook.shop, run="r", request=ASKED.id, by="ada", digest=digest, until=until)
    return Ballots((KEY,), PUBLIC).link(ballot).removeprefix(PUBLIC)


async def test_whoever_may_acknowledge_keeps_no_approver_out(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(_self: Incidents, _target: str, _run: str) -> Report:
        return report(pending=ASKED)

    monkeypatch.setattr("worker.incidents.Incidents.asked", asked)
    await webhook.post(alert(webhook.shop))
    head = f"POST {await path_of(webhook)} HTTP/1.1\r\nHost: here\r\n"
    async with lines(webhook, MOST_BY_LINK, f"{head}Content-Length: 2\r\n\r\n"):
        assert "too many requests at once" in (await fresh(webhook, await path_of(webhook))).text
        assert (await fresh(webhook, path_of_approver(webhook))).status_code == 200


async def test_whoever_may_approve_by_link_cannot_keep_alerts_out(
    webhook: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.http_app.MOST_BY_LINK", 2)
    monkeypatch.setattr("worker.approving.ANSWER", dataclasses.replace(ANSWER, longest=1.0))
    path = path_of_approver(webhook)
    async with lines(webhook, 2, f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n") as busy:
        assert (await webhook.post(alert(webhook.mail))).status_code == 200
        assert "too many requests at once" in (await fresh(webhook, path)).text
        for reader, _ in busy:
            async with asyncio.timeout(SECONDS_TO_TELL):
                assert b" 408 " in await reader.readline()


def listen_cramped(host: str, port: int) -> socket.socket:
    """The system holds little of what it sends, so that few answers fill it."""
    listener = listen(host, port)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    return listener


@pytest.fixture
async def cramped(client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr("tests.e2e.webhook_stand.listen", listen_cramped)
    async with stand(client) as running:
        yield running


@contextlib.asynccontextmanager
async def deaf(webhook: Stand, number: int) -> AsyncIterator[None]:
    """So many connections that ask again and again, and read no answer."""
    url = webhook.http.base_url
    asked = b"POST /alerts HTTP/1.1\r\nHost: here\r\n\r\n" * 1_000
    with contextlib.ExitStack() as opened:
        for _ in range(number):
            line = opened.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.setblocking(False)
            await asyncio.get_running_loop().sock_connect(line, (url.host, url.port))
            line.send(asked)
        yield


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def has_more_than(number: int) -> str | None:
    return f"{descriptors()} descriptors" if descriptors() > number else None


async def test_answers_that_nobody_reads_keep_no_alert_out(
    cramped: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.http_app.MOST_REQUESTS", 3)
    assert (await fresh(cramped, "/healthz")).status_code == 200
    async with deaf(cramped, 20):
        await asyncio.sleep(2)
        assert (await cramped.post(alert(cramped.shop))).status_code == 200


async def test_an_answer_that_nobody_reads_ends_the_connection(
    cramped: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections.SECONDS_FOR_ANSWER", 1.0)
    await cramped.post(alert(cramped.shop))
    before = descriptors()
    async with deaf(cramped, 20):
        assert descriptors() > before + 30
        assert await probes.until(lambda: has_more_than(before + 20), 8) is None


async def test_an_answer_that_is_read_late_is_whole(cramped: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.connections.SECONDS_FOR_HEAD", 0.5)
    asked = f"GET {{}} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    async with lines(cramped, 1, asked.format("/healthz")) as ((reader, _),):
        await asyncio.sleep(1.5)
        assert (await reader.read()).endswith(b'{"status":"ok"}')
    monkeypatch.setattr("worker.connections.SECONDS_FOR_HEAD", 3.0)
    async with lines(cramped, 1, asked.format("/openapi.json")) as ((reader, _),):
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(1.5)
        (length,) = re.findall(rb"content-length: (\d+)", head)
        assert len(await reader.readexactly(int(length))) > 10_000
