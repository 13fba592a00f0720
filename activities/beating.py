"""Keeps an activity's heart beating while it does something that blocks."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context

from temporalio import activity

from workflows.models.outcome import Touched

SECONDS_BETWEEN_BEATS = 1.0

type Touching = Callable[[], tuple[Touched, ...]]


def beat_during[T](act: Callable[[], T], touched: Touching) -> T:
    """What `act` returns or raises; meanwhile the server hears, each second, what it has touched so far."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="act") as thread:
        running: Future[T] = thread.submit(copy_context().run, act)
        while not running.done():
            activity.heartbeat(touched())
            wait([running], timeout=SECONDS_BETWEEN_BEATS)
        return running.result()
