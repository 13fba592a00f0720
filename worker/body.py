"""Reading a request's body with an end in sight: bounded in size and in time, while it streams in."""

import asyncio

from fastapi import HTTPException, Request, status

LARGEST = 1024 * 1024
LONGEST = 10.0
"""Seconds for the whole body."""


async def read_body(request: Request) -> bytes:
    """The body; 413 as soon as it is known to be over 1 MiB, 408 when it does not come to an end."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST:
        raise _too_large()
    try:
        async with asyncio.timeout(LONGEST):
            return await _collect(request)
    except TimeoutError:
        raise HTTPException(status.HTTP_408_REQUEST_TIMEOUT, "the body did not arrive in time") from None


async def _collect(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise _too_large()
    return bytes(body)


def _too_large() -> HTTPException:
    return HTTPException(
        status.HTTP_413_CONTENT_TOO_LARGE,
        f"the body is larger than {LARGEST} bytes; set max_alerts of Alertmanager's receiver",
    )
