"""The judge's checks of a recovery: the pool is free, the application answers, its users are served."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from statistics import fmean, median

from deploy.demo import witness
from deploy.demo.application import Application
from deploy.demo.check import ROOMY, Check, Judge
from deploy.demo.drill import Drill
from deploy.demo.times import RUNBOOK, seconds

SECONDS_TO_ACT = 1.0
LOOKS, SECONDS_BETWEEN_LOOKS = 5, 0.25
PAGES_TO_ACT = 250
"""On a busy machine, as long as so many looks at a page take in the same drill, or while it acted."""
BESIDE, LEAST_PAGES = timedelta(seconds=2), 3
MOST_SECONDS_TO_ACT = 5.0
"""However busy it is."""


async def pool(drill: Drill) -> Check:
    """Of every instance, by its own page; connections that it forgot must be gone too."""
    is_free, seen = True, []
    for each in drill.stage.applications:
        used, size = await _usually_in_use(each)
        forgotten = await each.forgotten()
        is_free &= used < ROOMY * size and not forgotten
        seen.append(f"{used:g} of {size} in use, {len(forgotten)} forgotten")
    return Check("The pool is free", is_free, "; ".join(seen))


async def _usually_in_use(application: Application) -> tuple[float, int]:
    """Connections checked out in the middle of five looks, and of how many; one look may meet a crowd."""
    looks = []
    for _ in range(LOOKS):
        looks.append(await application.pool())
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return median(each.checked_out for each in looks), looks[-1].size


async def answers(drill: Drill) -> Check:
    """Every instance's health page, and a query through its pool."""
    is_well, seen = True, []
    for each in drill.stage.applications:
        word, responds = await each.health(), await each.answers()
        is_well &= word == "healthy" and responds
        seen.append(f"health {word}, a query is {'answered' if responds else 'not answered'}")
    return Check("The application responds", is_well, "; ".join(seen))


async def users(drill: Drill) -> Check:
    """Every answer of the last ten seconds."""
    figures = drill.load.summarize(last=10)
    is_served = figures.ok == figures.answers > 0
    p95 = f", 95 % within {figures.p95 * 1000:.0f} ms" if figures.p95 else ""
    return Check("Every user is served", is_served, f"{figures.ok} of {figures.answers} answers{p95}")


RECOVERED: tuple[Judge, ...] = (pool, answers, users)


async def promptness(drill: Drill) -> Check:
    """From the webhook's taking of the alert to what others saw of the first act.

    With the runbook's own ages a fault is younger than they demand when the alert comes.
    """
    moments = await _acts(drill)
    if drill.alert is None or not moments:
        return Check("Acted within a second", False, "it never acted")
    taken = (min(moments) - drill.alert.received_at).total_seconds()
    if drill.stage.times.leak_age == RUNBOOK.leak_age:
        return Check("Acted", True, f"after {taken:.2f} s")
    allowed, least = seconds_to_act(drill), _seconds_to_act(drill, SECONDS_TO_ACT)
    busy = f"; the machine is busy, so {allowed:.1f} s are allowed" if allowed > least else ""
    what = "a second" if least == SECONDS_TO_ACT else f"{least:g} s"
    return Check(f"Acted within {what} of the alert", taken < allowed, f"after {taken:.2f} s{busy}")


def seconds_to_act(drill: Drill) -> float:
    """A second, or what a busy machine makes of it: a ratio within the drill, since others use it too."""
    pages = [each.page_seconds for each in drill.scenes]
    page = max((fmean(some) for some in (pages, _while_acting(drill)) if len(some) >= LEAST_PAGES), default=0)
    return _seconds_to_act(drill, min(max(SECONDS_TO_ACT, PAGES_TO_ACT * page), MOST_SECONDS_TO_ACT))


def _while_acting(drill: Drill) -> list[float]:
    """How long pages took around the alert: a drill as a whole evens out what was busy then."""
    if drill.alert is None:
        return []
    taken = drill.alert.received_at
    return [each.page_seconds for each in drill.scenes if abs(each.at - taken) <= BESIDE]


def _seconds_to_act(drill: Drill, look: float) -> float:
    """A restart rests on two looks, with a pause between them."""
    return 2 * look + seconds(drill.stage.times.settle) if drill.scenario.restarts else look


async def _acts(drill: Drill) -> list[datetime]:
    """Requests for approval, and what PostgreSQL or the engine wrote down of the acts themselves."""
    scenario, moments = drill.scenario, list[datetime]()
    if scenario.asks and drill.report:
        moments += [request.requested_at for request in drill.report.requests]
    if scenario.cancels:
        moments += [line.at for line in witness.cancels_asked_since(drill.stage, drill.fault_at)]
    if scenario.ends_sessions:
        moments += [line.at for line in witness.ended_since(drill.stage, drill.fault_at)]
    if scenario.restarts:
        stops = await witness.stops_since(drill.stage, drill.stage.application.name, drill.fault_at)
        moments += [datetime.fromtimestamp(event.at, UTC) for event in stops]
    return moments
