"""Waiting for the word to stop."""

import asyncio
from typing import Any


async def stopped_or_ended(stop: asyncio.Event, task: asyncio.Future[Any]) -> None:
    """Return when `stop` is set or the task has ended, whichever is first; raises nothing of the task's."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, task}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long; whether `stop` was set meanwhile."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
