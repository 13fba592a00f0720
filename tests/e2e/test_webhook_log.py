"""What strangers can write into the log: next to nothing, however often they come."""

import asyncio

import pytest

from deploy.local import probes
from tests.e2e.webhook_stand import TOKEN, Stand, alert, path_of
from worker.seldom import Seldom

OFTEN = 50
CONNECTIONS = "poolmedic.connections"


def written(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What connections, uvicorn and the loop said."""
    speakers = (CONNECTIONS, "uvicorn", "asyncio")
    return [line.getMessage() for line in caplog.records if line.name.startswith(speakers)]


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if line.exc_info]


async def say(webhook: Stand, said: str) -> None:
    """And leave."""
    url = webhook.http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(said.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("to", ["alerts", "a link"])
async def test_a_body_that_breaks_off_leaves_no_traceback(
    webhook: Stand, caplog: pytest.LogCaptureFixture, to: str
) -> None:
    await webhook.post(alert(webhook.shop))
    path = "/alerts" if to == "alerts" else await path_of(webhook)
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {TOKEN}\r\n"

    async def all_counted() -> str | None:
        counted = webhook.count("malformed")
        return None if counted == OFTEN else f"{counted} were counted"

    for _ in range(OFTEN):
        await say(webhook, f"{head}Content-Length: 9\r\n\r\nby=")
    if to == "alerts":
        assert await probes.until(all_counted, 5) is None
    else:
        await asyncio.sleep(1)
    assert written(caplog) == []
    assert await webhook.signals(webhook.shop) == ["alert"]


async def answers(webhook: Stand, *said: bytes) -> bytes:
    """All of them, to what is said piece by piece, until the other side ends the connection or is silent."""
    url = webhook.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    heard = b""
    try:
        for piece in said:
            writer.write(piece)
            await writer.drain()
            heard += await reader.read(65536)
        async with asyncio.timeout(8):
            while more := await reader.read(65536):
                heard += more
    finally:
        writer.close()
    return heard


async def test_requests_to_upgrade_are_not_written_down(
    webhook: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    asked = b"GET /x HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    last = b"GET /x HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    heard = await answers(webhook, asked * 500 + last)
    assert heard.count(b" 404 Not Found") == 501
    assert written(caplog) == []


async def test_what_is_no_request_is_written_down_seldom(
    webhook: Stand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.connections._seldom", Seldom())
    monkeypatch.setattr("worker.seldom.SECONDS_BETWEEN_LINES", 60.0)
    for _ in range(OFTEN):
        assert b" 400 " in await answers(webhook, b"nonsense\r\n\r\n")
    assert written(caplog) == ["Invalid HTTP request received."]
    monkeypatch.setattr("worker.seldom.SECONDS_BETWEEN_LINES", 0.0)
    await answers(webhook, b"nonsense\r\n\r\n")
    told = [getattr(line, "others", None) for line in caplog.records if line.name == CONNECTIONS]
    assert told == [0, OFTEN - 1]


CHUNKED = b"POST /x HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_nonsense_after_the_answer_leaves_no_traceback(
    webhook: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    heard = await answers(webhook, CHUNKED, b"zz\r\n")
    assert heard.startswith(b"HTTP/1.1 404 ")
    assert b" 400 " not in heard
    assert tracebacks(caplog) == []


async def test_nonsense_before_the_answer_leaves_no_traceback(
    webhook: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await answers(webhook, CHUNKED + b"zz\r\n")).startswith(b"HTTP/1.1 400 ")
    assert tracebacks(caplog) == []
