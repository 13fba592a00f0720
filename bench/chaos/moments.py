"""When a fault strikes: at a named step of the incident, or by chance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from bench.chaos.plays import Play
from bench.chaos.site import Site
from deploy.demo import incident, run_history
from deploy.demo.application import Pool
from deploy.demo.faults import Ground
from deploy.local import probes
from workflows.escalation import Clock
from workflows.models.page import Level

NO_ALERT, ACCEPTED, INVESTIGATING = "pool exhausted, no alert yet", "alert accepted", "investigating"
TO_PAGE, ASKING, TO_ACT = "about to page", "waiting for approval", "about to act"
ACTING, ACTED, CLEAR = "act under way", "act done but not recorded", "clear window"
RESIZED, REPORTING = "temporary change waiting", "report being written"
UNACKNOWLEDGED, BY_CHANCE = "nobody has acknowledged", "by chance"
PERMITTED = b'"refusal":null'
"""In what the server says to a worker whose act may be done now."""
SECONDS_TO_COME = 120.0
SECONDS_TO_ACT = 5.0
MOST_SECONDS = 20.0
"""A moment by chance is at most so long after the pool's fault."""
SECONDS_BEFORE_DUE = 1.0, 4.0
"""A fault lasts for up to eight seconds: it is to be there when a clock runs out."""
TAKEN = b"Incident"
"""The type of the workflow, in the first task of it that a worker gets."""


@dataclass(frozen=True)
class Moment:
    """A step; where the gate closes at it, everything waits there until the fault has struck."""

    name: str
    is_at: Callable[[Play], bool] = lambda _: True
    before: Callable[[Play], bytes] | None = None
    after: bytes | None = None
    timer: str | None = None
    clock: Clock | None = None
    """It comes shortly before this one runs out."""
    until_done: bool = False
    """Whether it has come only once others see what the act did."""


def _acts(play: Play) -> bool:
    return play.act is not None


def _waits(play: Play) -> bool:
    """Whether nobody comes before the last clock has run out."""
    return play.hands is Level.L3


MOMENTS = (
    Moment(NO_ALERT),
    Moment(ACCEPTED, before=lambda _: TAKEN),
    Moment(INVESTIGATING, before=lambda _: b"read_metrics"),
    Moment(TO_PAGE, before=lambda _: b"send_page"),
    Moment(ASKING, lambda play: play.scenario.asks, timer="answer to"),
    Moment(TO_ACT, _acts, before=lambda play: play.act or b""),
    Moment(ACTING, _acts, after=PERMITTED),
    Moment(ACTED, _acts, after=PERMITTED, until_done=True),
    Moment(CLEAR, _acts, timer="clear window"),
    Moment(RESIZED, lambda play: play.scenario.resizes),
    Moment(REPORTING, before=lambda _: b"store_report"),
    Moment(UNACKNOWLEDGED, lambda play: play.act is None, timer="acknowledge"),
    *(Moment(f"{clock} clock runs out", _waits, clock=clock) for clock in Clock),
    Moment(BY_CHANCE),
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
    if moment.name == BY_CHANCE:
        await asyncio.sleep(chance.uniform(0, MOST_SECONDS))
        return True
    if moment.name == NO_ALERT:
        return True

    async def ask() -> str | None:
        return None if await _has_come(site, moment) else "not yet"

    if await probes.until(ask, SECONDS_TO_COME) is not None:
        return False
    if moment.clock is not None:
        await _await_due(site, play.clocks[moment.clock], chance)
    if moment.until_done and (done := play.is_done) is not None:
        await _await_act(site, lambda: done(play.scenario.fault, ground, before))
    return True


async def _has_come(site: Site, moment: Moment) -> bool:
    if moment.before is not None or moment.after is not None:
        return site.gate.closed.is_set()
    if moment.name == RESIZED:
        return incident.is_running(await site.change())
    events = await site.events()
    return bool(events) and (moment.timer is None or bool(run_history.timers(events, moment.timer)))


async def _await_due(site: Site, length: timedelta, chance: Random) -> None:
    """By when Temporal had the alert, which is a second or two after it began."""
    began = (await site.events())[0].event_time.ToDatetime(UTC)
    due = began + length - timedelta(seconds=chance.uniform(*SECONDS_BEFORE_DUE))
    await asyncio.sleep(max((due - datetime.now(UTC)).total_seconds(), 0))


async def _await_act(site: Site, is_done: Callable[[], Awaitable[bool]]) -> None:
    """The worker knows that it is done, and cannot say so."""

    async def ask() -> str | None:
        return None if await site.seen(is_done()) else "not yet"

    await probes.until(ask, SECONDS_TO_ACT)
