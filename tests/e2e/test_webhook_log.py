"""What strangers can write into the log: next to nothing, however often they come."""

import asyncio

import pytest

from deploy.local import probes
from tests.e2e.webhook_stand import TOKEN, Stand, alert, path_of

OFTEN = 50


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
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []
    assert await webhook.signals(webhook.shop) == ["alert"]
