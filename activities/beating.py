"""An act's signs of life, each second from its beginning to its end, and what it says when it is given up.

One is given up by the server that hears nothing of it, by the workflow that asked for it, or by its worker,
which was told to end. Nobody acts whom the incident takes for lost: it asks here right before each touch.
Nor does anybody begin on what was permitted too long ago.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from contextvars import ContextVar, copy_context
from math import ceil
from typing import Any, override

from temporalio import activity
from temporalio.worker import ActivityOutboundInterceptor

from workflows.models.outcome import Outcome, OutcomeStatus, Touched

SECONDS_BETWEEN_BEATS = 1.0
LONGEST_SILENCE = 4.0
"""Seconds; after five the server gives an act up. A process that was frozen does not know it yet."""
LONGEST_PERMISSION = 10.0
"""Seconds from the question whether it may to the first touch. A connection that another target has, or an
engine that takes its time, is waited for; a silence or a pool that got free is not passed over for longer.
"""
SECONDS_TO_STOP = 2.0
"""For one that blocks, once it is given up: its process may have five in which its word is heard."""

type Touching = Callable[[], tuple[Touched, ...]]


class Heart(ActivityOutboundInterceptor):
    """Of one activity: what it said last is said again with every beat, so that no beat wipes it out."""

    def __init__(self, outbound: ActivityOutboundInterceptor) -> None:
        super().__init__(outbound)
        self._said: tuple[Any, ...] = ()
        self._last = time.monotonic()
        self._was_silent = False
        self._asked: float | None = None
        self._has_begun = False
        self.too_late: str | None = None
        """Why it may not begin any more: then nothing was touched, whatever its outcome says."""

    @override
    def heartbeat(self, *details: Any) -> None:
        self._was_silent = self.is_taken_for_lost()
        self._last = time.monotonic()
        self._said = details or self._said
        super().heartbeat(*self._said)

    @property
    def touched(self) -> tuple[Touched, ...]:
        """What it said that it has touched so far."""
        said: tuple[Touched, ...] = self._said[0] if self._said else ()
        return said

    def is_taken_for_lost(self) -> bool:
        """Whether it was silent for so long, now or once, that the server may have given it up."""
        return self._was_silent or time.monotonic() - self._last > LONGEST_SILENCE

    def may_begin(self) -> bool:
        """To be asked right before a touch. What has begun in time may take what time it needs."""
        age = 0.0 if self._asked is None else time.monotonic() - self._asked
        if not self._has_begun and age > LONGEST_PERMISSION:
            self.too_late = (
                f"it could begin only {ceil(age)} s after it had asked whether it may, and the answer counts "
                f"for {LONGEST_PERMISSION:.0f} s: it had to wait for a free thread, a connection or an "
                "answer; nothing was touched"
            )
            return False
        self._has_begun = True
        return True

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """It beats for as long as the block lasts; how long that may be is the server's to say.

        Whether the act may be done is asked right at the beginning of the block.
        """
        _hearts.set(self)
        self._asked = time.monotonic()
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()

    async def _beat(self) -> None:
        while True:
            self.heartbeat()
            await asyncio.sleep(SECONDS_BETWEEN_BEATS)


_hearts: ContextVar[Heart | None] = ContextVar("heart", default=None)


def stop_if_given_up() -> None:
    """To be called right before each touch; raises `CancelledError`, as a wait would have done.

    So it does before the first touch of one that comes too late: what it was permitted on is old.
    """
    heart = _hearts.get()
    if activity.is_cancelled() or (heart is not None and heart.is_taken_for_lost()):
        raise asyncio.CancelledError
    if heart is not None and not heart.may_begin():
        raise asyncio.CancelledError


def is_told_to_end() -> bool:
    """Whether it is given up because its worker was told to end, which is over in seconds."""
    details = activity.cancellation_details()
    return details is not None and details.worker_shutdown


def given_up() -> str:
    """Why, in the words of an outcome."""
    if is_told_to_end():
        return "its worker was told to end"
    details = activity.cancellation_details()
    if details is not None and details.cancel_requested:
        return "it was called off"
    return "it gave no sign of life for so long that it is taken for lost"


def cut_short(touched: tuple[Touched, ...]) -> Outcome:
    """The outcome of one that was given up, where what it touches is said before it is touched."""
    if touched:
        detail = f"{given_up()} in the middle of the act"
        return Outcome(status=OutcomeStatus.UNKNOWN, touched=touched, detail=detail)
    return Outcome(status=OutcomeStatus.NOTHING, detail=f"{given_up()} before anything was touched")


def beat_during(act: Callable[[], Outcome], touched: Touching) -> Outcome:
    """What `act` returns or raises; meanwhile the server hears, each second, what it has touched so far.

    Given up, it may go on for as long as an answer takes; what it has touched until then is `unknown`.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="act")
    try:
        running: Future[Outcome] = thread.submit(copy_context().run, act)
        while not running.done():
            activity.heartbeat(touched())
            wait([running], timeout=SECONDS_BETWEEN_BEATS)
            if activity.is_cancelled() and not wait([running], timeout=SECONDS_TO_STOP).done:
                return cut_short(touched()).model_copy(update={"status": OutcomeStatus.UNKNOWN})
        return running.result()
    except asyncio.CancelledError:
        return cut_short(touched())
    finally:
        thread.shutdown(wait=False)
