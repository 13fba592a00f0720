"""Reading a request's body with an end in sight: bounded in size and in time, while it streams in."""

import asyncio
from dataclasses import dataclass

from fastapi import HTTPException, Request, status
from starlette.requests import ClientDisconnect


@dataclass(frozen=True)
class Bounds:
    """Of a body: `largest` in bytes, `longest` in seconds, and what its sender can do about its size."""

    largest: int
    longest: float
    remedy: str


DELIVERY = Bounds(1024 * 1024, 10.0, "set max_alerts of Alertmanager's receiver")
CODEC = Bounds(4 * 1024 * 1024, 10.0, "ask for fewer payloads at once")
"""Temporal takes no payload above 2 MiB, which base64 makes a third larger."""
FORM = Bounds(4 * 1024, 3.0, "it has one field, a name")
ANSWER = Bounds(8 * 1024, 3.0, "it has a yes or no, and a reason of 300 characters")


async def read_body(request: Request, bounds: Bounds) -> bytes:
    """The body; 413 as soon as it is known to be too large, 408 when it does not come to an end in time.

    400, which nobody reads, where whoever sends it leaves before its end.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bounds.largest:
        raise _too_large(bounds)
    try:
        async with asyncio.timeout(bounds.longest):
            return await _collect(request, bounds)
    except TimeoutError:
        raise HTTPException(status.HTTP_408_REQUEST_TIMEOUT, "the body did not arrive in time") from None
    except ClientDisconnect:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "the sender left before the body's end") from None


async def _collect(request: Request, bounds: Bounds) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bounds.largest:
            raise _too_large(bounds)
    return bytes(body)


def _too_large(bounds: Bounds) -> HTTPException:
    told = f"the body is larger than {bounds.largest} bytes; {bounds.remedy}"
    return HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, told)
