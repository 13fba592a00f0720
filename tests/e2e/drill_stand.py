"""One stage for many drills: whose worker can be made unheard and be ended, and what Temporal has of it."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from temporalio.api.history.v1 import HistoryEvent

from deploy.demo import clearance, incident, judge
from deploy.demo import scenario as scenarios
from deploy.demo.check import Check
from deploy.demo.drill import Drill
from deploy.demo.faults import Demand, Leak, Traffic
from deploy.demo.gate import Gate
from deploy.demo.lines import Lines
from deploy.demo.person import StandIn
from deploy.demo.play import Person, play
from deploy.demo.scenario import Scenario
from deploy.demo.stage import Stage, open_stage
from deploy.demo.times import COMPRESSED, Times
from deploy.local import probes
from deploy.local.process import Process
from workflows.models.policy import Mode
from workflows.models.report import Ending, Report
from workflows.naming import database_id

QUICK = COMPRESSED.model_copy(
    update={
        "exhausted_for": "4s",
        "leak_age": "2s",
        "idle_leak_age": "2s",
        "full_for": "2s",
        "clear_window": "8s",
        "clear_step": "1s",
        "watch": ("2s", "4s"),
        "resize_for": "18s",
    }
)
"""Quicker than for people who watch."""
LATE = "Acted within a second of the alert"
PERMITTED = b'"refusal":null'
"""In what the server says to a worker whose act may be done now."""
EVER = datetime.min.replace(tzinfo=UTC)
LEAKED = 10
LEAK = dataclasses.replace(scenarios.LEAK, pool_size=LEAKED, fault=Leak(LEAKED))
OBSERVE = dataclasses.replace(scenarios.OBSERVE, pool_size=LEAKED, fault=Leak(LEAKED))
DAY = Demand(rate=19, hold_ms=800)
UNDERSIZED = dataclasses.replace(
    scenarios.UNDERSIZED,
    calm=Demand(rate=12, hold_ms=100),
    usual=DAY,
    fault=Traffic(DAY, "the usual work arrives"),
)
"""The demo's, for one pool that serves them all; as much work as there, in fewer requests.

None takes a second: to the statements that calm users run, one that does would be a slow query."""
SECONDS_TO_HAPPEN = 60.0
SECONDS_TO_CLEAR = 30.0


@dataclass(frozen=True)
class Sight:
    """One look at the open incident: its history, and the activities whose result is not in it yet."""

    at: datetime
    events: Sequence[HistoryEvent]
    pending: frozenset[str]


@dataclass(frozen=True)
class Ended:
    """A drill that has ended, with the judge's word on it."""

    drill: Drill
    checks: tuple[Check, ...]

    @property
    def unmet(self) -> list[str]:
        """What is not as it must be, and what was seen instead."""
        return [f"{check.what}: {check.seen}" for check in self.checks if not check.holds]

    @property
    def unmet_but_late(self) -> list[str]:
        """The same without how soon it acted, where that is not the tool's alone."""
        return [each for each in self.unmet if not each.startswith(LATE)]

    @property
    def history(self) -> Sequence[HistoryEvent]:
        """Of the incident's whole run."""
        assert self.drill.history is not None
        return self.drill.history.events

    @property
    def report(self) -> Report:
        """The incident's own word."""
        assert self.drill.report is not None
        return self.drill.report


class Stand:
    """Plays drills, one after the other, on a pool of the size that fits them all."""

    def __init__(self, stage: Stage, link: Gate, times: Times) -> None:
        self.stage = stage
        self.link = link
        self.times = times
        self.begun_at = EVER
        """When the drill that is played now began."""
        self._rules: tuple[Scenario, Times] | None = None

    async def prepare(self, scenario: Scenario, times: Times | None = None) -> Stage:
        """The stage with a worker by this scenario's rules, and nothing of an earlier drill on it."""
        times = times or self.times
        await self._clear()
        self.begun_at = datetime.now(UTC)
        is_heard = self.stage.worker.process.is_running() and not self.link.closed.is_set()
        self.link.open()
        if self._rules != (scenario, times) or not is_heard:
            self.stage = await self.stage.turn_to(scenario, times)
            self._rules = scenario, times
        return self.stage

    async def run(
        self,
        scenario: Scenario,
        *,
        meanwhile: Callable[["Stand"], Awaitable[None]] | None = None,
        person: Person | None = None,
    ) -> Ended:
        """Play it to its end, with what happens meanwhile, and judge it."""
        stage = await self.prepare(scenario)
        narrator = Lines(stage.times)
        async with asyncio.TaskGroup() as group:
            happening = group.create_task(_run(meanwhile, self))
            async with play(stage, scenario, narrator, person or StandIn(narrator)) as drill:
                await happening
                return Ended(drill, await judge.judge(drill))

    async def lose_worker(self) -> datetime:
        """End it by SIGKILL; the moment right before. What it said unheard is gone with it."""
        before = datetime.now(UTC)
        await self.stage.worker.process.kill()
        await self.link.cut()
        return before

    @contextlib.asynccontextmanager
    async def redirected(self, **variables: str) -> AsyncIterator[None]:
        """For the block: drills prepared in it have a worker with these variables laid over its own."""
        worker = self.stage.worker
        before = worker.process
        await worker.stop()
        worker.process = _redirected(before, variables)
        try:
            yield
        finally:
            await worker.stop()
            worker.process = before

    async def sight(self) -> Sight | None:
        """The open incident now; None while there is none."""
        now, client, name = datetime.now(UTC), self.stage.client, self.stage.workflow_id
        run = await incident.describe(client, name, EVER)
        if run is None or not incident.is_running(run):
            return None
        pending = {activity.activity_type.name for activity in run.raw_description.pending_activities}
        return Sight(now, (await client.get_workflow_handle(name).fetch_history()).events, frozenset(pending))

    async def see(self, happened: Callable[[Sight], bool], within: float = SECONDS_TO_HAPPEN) -> Sight:
        """The first sight of it; raises TimeoutError."""
        found: list[Sight] = []

        async def ask() -> str | None:
            sight = await self.sight()
            if sight is None or not happened(sight):
                return "not yet"
            found.append(sight)
            return None

        if await probes.until(ask, within) is not None:
            raise TimeoutError(f"did not happen within {within:.0f} s")
        return found[0]

    async def _clear(self) -> None:
        """A drill that was left open, or failed: free its pool, and end its run once the alert is gone."""
        await clearance.end_sessions(self.stage.stack.postgres, await clearance.in_the_way(self.stage))
        if reason := await probes.until(self._is_calm, SECONDS_TO_CLEAR):
            raise TimeoutError(f"the drill before this one does not end: {reason}")
        # Leases of acts that were lost with their worker would keep the next drill, another run, waiting.
        for workflow_id in (self.stage.workflow_id, database_id("main")):
            await clearance.terminate(self.stage.client, workflow_id)

    async def _is_calm(self) -> str | None:
        return "the alert still fires" if await clearance.fires(self.stage) else None


def left_alone(scenario: Scenario) -> Scenario:
    """The same while poolmedic may only observe, so that nothing ends it."""
    return dataclasses.replace(
        scenario,
        mode=Mode.OBSERVE,
        acts=frozenset(),
        then=(),
        loses=False,
        advice=(),
        ending=Ending.OPEN,
        observed=5.0,
    )


@contextlib.asynccontextmanager
async def open_stand(folder: Path, scenario: Scenario = LEAK, times: Times = QUICK) -> AsyncIterator[Stand]:
    """Bring the stage up, with a worker that reaches Temporal through the proxy."""
    async with (
        open_stage(folder, scenario, times) as stage,
        Gate.before(stage.stack.temporal.address) as link,
    ):
        await stage.worker.stop()
        stage.worker.process = _redirected(stage.worker.process, {"TEMPORAL_ADDRESS": link.address})
        try:
            yield Stand(stage, link, times)
        finally:
            await stage.worker.stop()


def _redirected(process: Process, variables: Mapping[str, str]) -> Process:
    environment = {**process.command.environment, **variables}
    return Process(process.state, dataclasses.replace(process.command, environment=environment))


async def _run(meanwhile: Callable[[Stand], Awaitable[None]] | None, stand: Stand) -> None:
    if meanwhile is not None:
        await meanwhile(stand)
