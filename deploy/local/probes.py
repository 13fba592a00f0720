"""Asks a starting process whether it already does its work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

type Probe = Callable[[], Awaitable[str | None]]
"""Answers None when ready, else the reason why not yet."""

SECONDS_BETWEEN_ASKS = 0.05
SECONDS_TO_ANSWER = 3.0


def http(url: str, status: int = 200, socket: Path | None = None) -> Probe:
    """Ready once ``url``, reached through a unix ``socket`` if given, answers with ``status``."""

    async def ask() -> str | None:
        way = httpx.AsyncHTTPTransport(uds=str(socket) if socket else None)
        try:
            async with httpx.AsyncClient(timeout=SECONDS_TO_ANSWER, trust_env=False, transport=way) as client:
                answer = await client.get(url)
        except httpx.HTTPError as exc:
            return f"{url}: {type(exc).__name__} {exc}"
        return None if answer.status_code == status else f"{url} answered {answer.status_code}"

    return ask


async def until(probe: Probe, within: float, give_up: Callable[[], bool] = lambda: False) -> str | None:
    """Ask until ready (None), until ``within`` seconds are over or ``give_up`` says so (the last reason)."""
    deadline = time.monotonic() + within
    while True:
        reason = await probe()
        if reason is None or give_up() or time.monotonic() >= deadline:
            return reason
        await asyncio.sleep(SECONDS_BETWEEN_ASKS)
