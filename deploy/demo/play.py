"""Plays one drill: calm, the fault, and then only looking on until the incident has ended."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from deploy.demo import incident, scene, witness
from deploy.demo.decoys import open_decoys
from deploy.demo.drill import Drill
from deploy.demo.incident import Incident
from deploy.demo.narration import Narrator
from deploy.demo.scenario import Demand, Scenario
from deploy.demo.scene import Scene
from deploy.demo.stage import Stage
from deploy.demo.times import seconds
from deploy.load.generator import LONGEST_RUN, Load
from deploy.local.errors import StackError
from workflows.models.approval import Request
from workflows.models.policy import Policy
from workflows.models.report import Ending

SECONDS_BETWEEN_LOOKS = 0.4
SECONDS_TO_CALM = 30.0
SECONDS_TO_LEAK = 20.0
SECONDS_OBSERVED = 15.0
SLACK = 120.0
CALM_ANSWERS = 30


class DrillStuck(StackError):
    """The drill did not go on within its time; the message says what was waited for."""


class Person(Protocol):
    """Who is asked for approval."""

    async def decide(self, drill: Drill, request: Request) -> None:
        """Called once per request."""


@contextlib.asynccontextmanager
async def play(stage: Stage, scenario: Scenario, narrator: Narrator, person: Person) -> AsyncIterator[Drill]:
    """Play it to its end; users and decoys go on for the block. Raises StackError."""
    narrator.say(scenario.story)
    load = Load(
        stage.application.target.url,
        rate=scenario.calm.rate,
        hold_ms=scenario.calm.hold_ms,
        seconds=LONGEST_RUN,
    )
    async with open_decoys(stage.stack.postgres, stage.target) as decoys, load:
        narrator.say(f"{_told(scenario.calm)}; {len(decoys.sessions)} sessions that are nobody's to touch.")
        now = datetime.now(UTC)
        drill = Drill(scenario, stage, decoys, load, await witness.container_start(stage), now)
        playing = _Playing(drill, narrator, person, Incident(stage.client, stage.workflow_id, now))
        await playing.be_calm()
        await playing.break_pool()
        await playing.follow()
        yield drill


@dataclass
class _Playing:
    drill: Drill
    narrator: Narrator
    person: Person
    incident: Incident
    asked: str = ""

    async def be_calm(self) -> None:
        """Users are served before anything is broken, or the drill would prove nothing."""
        await self._look_until(
            lambda _: _is(self.drill.load.summarize().ok >= CALM_ANSWERS),
            SECONDS_TO_CALM,
            "users who are served",
        )

    async def break_pool(self) -> None:
        """The fault; what it leaked is identified by the server before anybody can end it."""
        drill, application = self.drill, self.drill.stage.application
        drill.fault_at = datetime.now(UTC)
        drill.scenes.clear()
        usual = drill.scenario.usual
        if drill.scenario.leak:
            self.narrator.say(f"Fault: {drill.scenario.leak} connections are checked out and forgotten.")
            await application.leak(drill.scenario.leak)
            await self._look_until(self._has_leaked, SECONDS_TO_LEAK, "connections that are forgotten")
        if usual != drill.scenario.calm:
            self.narrator.say(f"Fault: the usual work arrives: {_told(usual)}.")
        drill.load.rate, drill.load.hold_ms = usual.rate, usual.hold_ms

    async def _has_leaked(self, _now: Scene) -> bool:
        pids = await self.drill.stage.application.forgotten()
        if len(pids) < self.drill.scenario.leak:
            return False
        self.drill.leaked = tuple(await witness.identify(self.drill.stage, pids))
        return len(self.drill.leaked) == len(pids)

    async def follow(self) -> None:
        """Look on until it has ended as far as it will; answer for the person where one is asked."""
        is_over = self._is_observed if self.drill.scenario.ending == "open" else self._has_ended
        await self._look_until(is_over, self._longest(), "the incident's end")
        self.drill.history = await self.incident.history()
        self.drill.stored = await self.incident.stored()

    async def _has_ended(self, now: Scene) -> bool:
        drill = self.drill
        await self._answer(now)
        self._ease(now)
        if drill.scenario.asks and now.report and now.report.attempts:
            drill.change = await incident.describe(drill.stage.client, drill.stage.change_id, drill.fault_at)
        is_reverted = not (drill.reverts_in_time and incident.is_running(drill.change))
        return now.is_over and is_reverted

    async def _is_observed(self, now: Scene) -> bool:
        first = now.report.escalations[0].at if now.report and now.report.escalations else None
        return first is not None and (now.at - first).total_seconds() > SECONDS_OBSERVED

    async def _answer(self, now: Scene) -> None:
        if now.pending and now.pending.id != self.asked:
            self.asked = now.pending.id
            await self.person.decide(self.drill, now.pending)

    def _ease(self, now: Scene) -> None:
        """Once recovered, the work grows less, or a size that is needed would not be reverted."""
        calm, load = self.drill.scenario.calm, self.drill.load
        is_recovered = now.report is not None and now.report.outcome is Ending.RECOVERED
        if is_recovered and self.drill.reverts_in_time and load.rate != calm.rate:
            load.rate, load.hold_ms = calm.rate, calm.hold_ms
            self.narrator.say(f"The day's work is over, so the larger pool is not needed: {_told(calm)}.")

    def _longest(self) -> float:
        """As long as the configured times can take, and time for a person to decide."""
        times = self.drill.stage.times
        lengths = [times.exhausted_for, times.leak_age, times.full_for, times.watch[-1], times.relook]
        waits = sum(map(seconds, lengths)) + 2 * seconds(times.clear_window)
        approval = Policy().approval.expires_after.total_seconds() if self.drill.scenario.asks else 0
        return waits + approval + SLACK

    async def _look_until(
        self, condition: Callable[[Scene], Awaitable[bool]], within: float, what: str
    ) -> None:
        drill, deadline = self.drill, time.monotonic() + within
        while True:
            now = await scene.look(drill.stage.application, drill.load, self.incident)
            drill.scenes.append(now)
            self.narrator.show(now)
            if await condition(now):
                return
            if time.monotonic() > deadline:
                raise DrillStuck(f"waited {within:.0f} s for {what}; {self.narrator.describe(now)}")
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _is(holds: bool) -> bool:
    return holds


def _told(demand: Demand) -> str:
    return f"{demand.rate:g} requests a second, each with a connection for {demand.hold_ms} ms"
