"""When a fault strikes: at a named step of the incident, or by chance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from bench.chaos.plays import Play
from bench.chaos.site import Site
from deploy.demo import incident, run_history
from deploy.demo.application import Pool
from deploy.demo.faults import Ground
from deploy.local import probes

PERMITTED = b'"refusal":null'
"""In what the server says to a worker whose act may be done now."""
SECONDS_TO_COME = 60.0
SECONDS_TO_ACT = 5.0
MOST_SECONDS = 20.0
"""A moment by chance is at most so long after the pool's fault."""


@dataclass(frozen=True)
class Moment:
    """A step; where the gate closes at it, everything waits there until the fault has struck."""

    name: str
    is_at: Callable[[Play], bool] = lambda _: True
    before: Callable[[Play], bytes] | None = None
    after: bytes | None = None
    timer: str | None = None
    until_done: bool = False
    """Whether it has come only once others see what the act did."""


MOMENTS = (
    Moment("pool exhausted, no alert yet"),
    Moment("alert accepted"),
    Moment("investigating", before=lambda _: b"read_metrics"),
    Moment("about to page", before=lambda _: b"send_page"),
    Moment("waiting for approval", lambda play: play.scenario.asks, timer="answer to"),
    Moment("about to act", lambda play: play.act is not None, before=lambda play: play.act or b""),
    Moment("act under way", lambda play: play.act is not None, after=PERMITTED),
    Moment("act done but not recorded", lambda play: play.act is not None, after=PERMITTED, until_done=True),
    Moment("clear window", lambda play: play.act is not None, timer="clear window"),
    Moment("temporary change waiting", lambda play: play.scenario.resizes),
    Moment("report being written", before=lambda _: b"store_report"),
    Moment("nobody has acknowledged", lambda play: play.act is None, timer="acknowledge"),
    Moment("by chance"),
)
BY_NAME = {moment.name: moment for moment in MOMENTS}


def arm(site: Site, moment: Moment, play: Play) -> None:
    """Tell the gate where to close, before the incident begins."""
    if moment.before is not None:
        site.gate.close_before(moment.before(play))
    elif moment.after is not None:
        site.gate.close_after(moment.after)


async def await_moment(
    site: Site, moment: Moment, play: Play, ground: Ground, before: Pool, chance: Random
) -> bool:
    """Return once it has come; False if it did not come in its time."""
    if moment.name == "by chance":
        await asyncio.sleep(chance.uniform(0, MOST_SECONDS))
        return True
    if moment.name == "pool exhausted, no alert yet":
        return True

    async def ask() -> str | None:
        return None if await _has_come(site, moment) else "not yet"

    if await probes.until(ask, SECONDS_TO_COME) is not None:
        return False
    if moment.until_done and (done := play.is_done) is not None:
        await _await_act(site, lambda: done(play.scenario.fault, ground, before))
    return True


async def _has_come(site: Site, moment: Moment) -> bool:
    if moment.before is not None or moment.after is not None:
        return site.gate.closed.is_set()
    if moment.name == "temporary change waiting":
        return incident.is_running(await site.change())
    events = await site.events()
    return bool(events) and (moment.timer is None or bool(run_history.timers(events, moment.timer)))


async def _await_act(site: Site, is_done: Callable[[], Awaitable[bool]]) -> None:
    """The worker knows that it is done, and cannot say so."""

    async def ask() -> str | None:
        return None if await site.seen(is_done()) else "not yet"

    await probes.until(ask, SECONDS_TO_ACT)
