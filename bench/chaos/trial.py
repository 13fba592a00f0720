"""One trial: a pool breaks, a fault strikes at its moment, and people do no more than answer and look on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from temporalio.service import RPCError

from bench.chaos import moments
from bench.chaos.clocks import Look, Told
from bench.chaos.draw import Draw
from bench.chaos.faults import Fault
from bench.chaos.plays import Play
from bench.chaos.site import OUT_OF_REACH, Site
from bench.chaos.strike import Outage, Part, Strike
from deploy.demo import incident, witness
from deploy.demo.application import Pool
from deploy.demo.check import FULL, ROOMY
from deploy.demo.clearance import alerted_at, in_the_way
from deploy.demo.configuration import APPROVER, PATHS
from deploy.demo.decoys import Decoys, open_decoys
from deploy.demo.drill import Drill
from deploy.demo.faults import Ground
from deploy.demo.incident import Incident
from deploy.demo.person import text_of
from deploy.demo.sessions import SessionId, identify
from deploy.load.generator import LONGEST_RUN, Load
from deploy.local import probes
from deploy.local.errors import StackError
from deploy.local.receiver import Message
from workflows.models.report import Ending

SECONDS_BETWEEN_LOOKS = 0.3
SECONDS_TO_CALM, SECONDS_TO_STRIKE = 30.0, 30.0
SECONDS_TO_END = 300.0
"""After everything is as it was: whoever takes a size back waits 4 min 10 s for the lease of a lost act."""
SECONDS_TO_ALERT = 45.0
CALM_ANSWERS = 10


@dataclass
class Trial:
    """What was done and seen."""

    draw: Draw
    site: Site
    drill: Drill
    incident: Incident
    before: Pool
    struck_at: datetime | None = None
    """When the fault struck; None if its moment never came."""
    back_at: datetime | None = None
    """When everything was as before it."""
    strike: Strike = field(default_factory=Strike)
    """What it did."""
    looks: list[Look] = field(default_factory=list)
    """How full the pool was, by its own page, all the time."""
    alerted_at: datetime | None = None
    """When the alert began, by Alertmanager."""
    approved_at: datetime | None = None
    """When people first answered."""
    over_at: datetime | None = None
    """When nobody looked any more."""
    ended_by_others: set[SessionId] = field(default_factory=set)
    was_freed: bool = False

    @property
    def play(self) -> Play:
        return self.draw.play

    def messages(self) -> list[Message]:
        """To people, by poolmedic, since this trial's fault."""
        found = self.site.stage.stack.receiver.messages()
        return [each for each in found if each.at >= self.drill.fault_at and each.path != "/people"]

    def told(self) -> list[Told]:
        """The same, by whom they went to."""
        levels = {f"/{path}": level for level, path in PATHS.items()}
        return [Told(each.at, levels[each.path], text_of(each)) for each in self.messages()]


@contextlib.asynccontextmanager
async def run(site: Site, draw: Draw) -> AsyncIterator[Trial]:
    """Play it to its end; users and decoys go on for the block. Raises StackError or TimeoutError."""
    scenario = draw.play.scenario
    await site.prepare(scenario)
    stage = site.stage
    load = Load(
        stage.application.target.url,
        rate=scenario.calm.rate,
        hold_ms=scenario.calm.hold_ms,
        seconds=LONGEST_RUN,
    )
    async with open_decoys(stage.stack.postgres, stage.target) as decoys, load, AsyncExitStack() as holding:
        trial = await _begin(
            site, draw, decoys, Ground(stage.application, stage.stack, load, scenario.calm, holding)
        )
        if draw.fault.beside is not None:
            await draw.fault.beside(site, trial.drill.ground)
        await _break_pool(trial)
        async with _looking_on(trial):
            await _strike(trial)
            await _see_the_end(trial)
        try:
            yield trial
        finally:
            await site.rest()


async def _begin(site: Site, draw: Draw, decoys: Decoys, ground: Ground) -> Trial:
    stage, now = site.stage, datetime.now(UTC)
    containers = {stage.application.name: await witness.container_start(stage, stage.application.name)}
    drill = Drill(draw.play.scenario, stage, decoys, ground, containers, now)

    async def ask() -> str | None:
        return None if ground.load.summarize().ok >= CALM_ANSWERS else "no users who are served"

    if reason := await probes.until(ask, SECONDS_TO_CALM):
        raise StackError(f"the trial cannot begin: {reason}")
    before = await stage.application.pool()
    found = Incident(stage.client, stage.workflow_id, now)
    return Trial(draw, site, drill, found, before, strike=site.strike)


async def _break_pool(trial: Trial) -> None:
    """Whose sessions it left is known before anybody can end them."""
    drill = trial.drill
    moments.arm(trial.site, trial.draw.moment, trial.play)
    drill.fault_at = datetime.now(UTC)
    await drill.scenario.fault.strike(drill.ground)

    async def ask() -> str | None:
        found = await drill.scenario.fault.culprits(drill.ground)
        drill.culprits = found or ()
        return None if found is not None else "not yet"

    if await probes.until(ask, SECONDS_TO_STRIKE):
        raise StackError("the pool's fault did not strike")


async def _strike(trial: Trial) -> None:
    site, draw = trial.site, trial.draw
    chance = Random(draw.seed)
    seconds = chance.uniform(1, draw.longest)
    if not await moments.await_moment(
        site, draw.moment, trial.play, trial.drill.ground, trial.before, chance
    ):
        site.gate.open()
        return
    if draw.fault.ends_sessions:
        trial.ended_by_others = await _in_the_way(trial)
    trial.struck_at = datetime.now(UTC)
    async with struck_by(draw.fault, site):
        await asyncio.sleep(seconds)
    trial.back_at = datetime.now(UTC)


@contextlib.asynccontextmanager
async def struck_by(fault: Fault, site: Site) -> AsyncIterator[None]:
    """For the block. A worker behind a closed gate does not hear of Temporal, until the fault opens it."""
    gate = site.gate
    held_since = gate.closed_at if gate.closed.is_set() else None
    async with fault.during(site):
        if held_since is not None:
            until = gate.opened_at or datetime.now(UTC)
            site.strike.outages.append(Outage(Part.WORKER, held_since, until))
        yield


async def _in_the_way(trial: Trial) -> set[SessionId]:
    return set(await identify(trial.site.stage.stack.postgres, await in_the_way(trial.site.stage)))


async def _see_the_end(trial: Trial) -> None:
    """Until the incident is closed and a temporary size is taken back, or the time for it is over."""
    alerted = time.monotonic() + SECONDS_TO_ALERT
    deadline = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < deadline:
        if trial.incident.is_over and not incident.is_running(await trial.site.change()):
            break
        if trial.incident.run is None and time.monotonic() > alerted:
            break
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    trial.over_at = datetime.now(UTC)
    with contextlib.suppress(RPCError):
        await trial.incident.look()
    trial.drill.change = await trial.site.change()


@contextlib.asynccontextmanager
async def _looking_on(trial: Trial) -> AsyncIterator[None]:
    """Raises what people failed by: without them a trial says nothing."""
    tasks = [asyncio.create_task(_look_on(trial)), asyncio.create_task(_watch_pool(trial))]
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        for each in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await each


async def _watch_pool(trial: Trial) -> None:
    """By the application's own page, and by Alertmanager until it has the alert."""
    stage = trial.site.stage
    while True:
        with contextlib.suppress(*OUT_OF_REACH):
            pool = await stage.application.pool()
            is_free = pool.utilization < ROOMY and not pool.waiting
            trial.looks.append(Look(datetime.now(UTC), is_full=pool.utilization > FULL, is_free=is_free))
        with contextlib.suppress(*OUT_OF_REACH):
            if trial.alerted_at is None:
                trial.alerted_at = await alerted_at(stage)
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _look_on(trial: Trial) -> None:
    """What people do meanwhile: answer what they are asked, and end what is wrong once they are called."""
    while True:
        with contextlib.suppress(*OUT_OF_REACH):
            await trial.incident.look()
            await _answer(trial)
            await _ease(trial)
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _answer(trial: Trial) -> None:
    report = trial.incident.report
    if report is None or report.pending is None:
        return
    handle = trial.site.stage.client.get_workflow_handle(trial.site.stage.workflow_id)
    await handle.signal("approve", {"request": report.pending.id, "by": APPROVER})
    trial.approved_at = trial.approved_at or datetime.now(UTC)


async def _ease(trial: Trial) -> None:
    """The usual traffic is over once the pool has recovered; who is called ends what nobody else may."""
    report, scenario = trial.incident.report, trial.play.scenario
    if report is None:
        return
    if scenario.resizes and report.outcome is not Ending.OPEN:
        await scenario.fault.relent(trial.drill.ground)
    if not trial.was_freed and _called(trial):
        trial.ended_by_others |= await _in_the_way(trial)
        await trial.site.free_pool()
        await scenario.fault.relent(trial.drill.ground)
        trial.was_freed = True


def _called(trial: Trial) -> bool:
    """Whether they have a page who end what is wrong: by the receiver."""
    return any(each.level is trial.play.hands and each.text for each in trial.told())
