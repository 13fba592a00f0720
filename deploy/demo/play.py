"""Plays one drill: calm, the fault, and then only looking on until the incident has ended."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from deploy.demo import incident, scene, witness
from deploy.demo.decoys import open_decoys
from deploy.demo.drill import Drill
from deploy.demo.faults import Ground
from deploy.demo.incident import Incident
from deploy.demo.narration import Narrator
from deploy.demo.scenario import Scenario
from deploy.demo.scene import Scene
from deploy.demo.stage import Stage
from deploy.demo.times import seconds
from deploy.load.generator import LONGEST_RUN, Load
from deploy.local.errors import StackError
from workflows.models.approval import Request
from workflows.models.page import Level
from workflows.models.policy import Option, Policy
from workflows.models.report import Ending

SECONDS_BETWEEN_LOOKS = 0.4
SECONDS_TO_CALM = 30.0
SECONDS_TO_STRIKE = 60.0
SLACK = 120.0
CALM_ANSWERS, SECONDS_OF_CALM = 30, 5.0


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
        *(each.target.url for each in stage.applications),
        rate=scenario.calm.rate,
        hold_ms=scenario.calm.hold_ms,
        seconds=LONGEST_RUN,
    )
    has_long_work = Option.INDEX not in scenario.acts
    decoying = open_decoys(stage.stack.postgres, stage.target, has_long_work=has_long_work)
    async with decoying as decoys, load, AsyncExitStack() as holding:
        narrator.say(f"{scenario.calm}; {len(decoys.sessions)} sessions that are nobody's to touch.")
        now = datetime.now(UTC)
        ground = Ground(stage.application, stage.stack, load, scenario.calm, holding)
        containers = {
            each.name: await witness.container_start(stage, each.name) for each in stage.applications
        }
        drill = Drill(scenario, stage, decoys, ground, containers, now)
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
    eased: bool = False

    async def be_calm(self) -> None:
        """Users are served before anything is broken, or the drill would prove nothing."""
        enough = min(CALM_ANSWERS, SECONDS_OF_CALM * self.drill.scenario.calm.rate)
        await self._look_until(
            lambda _: _is(self.drill.load.summarize().ok >= enough),
            SECONDS_TO_CALM,
            "users who are served",
        )

    async def break_pool(self) -> None:
        """The fault; what it left is identified by the server before anybody can end it."""
        drill, fault = self.drill, self.drill.scenario.fault
        drill.fault_at = datetime.now(UTC)
        drill.scenes.clear()
        self.narrator.say(f"Fault: {fault.told}")
        await fault.strike(drill.ground)
        await self._look_until(self._has_struck, SECONDS_TO_STRIKE, "the fault to strike")

    async def _has_struck(self, _now: Scene) -> bool:
        found = await self.drill.scenario.fault.culprits(self.drill.ground)
        self.drill.culprits = found or ()
        return found is not None

    async def follow(self) -> None:
        """Look on until it has ended as far as it will; answer for the person where one is asked."""
        is_over = self._is_observed if self.drill.scenario.ending is Ending.OPEN else self._has_ended
        await self._look_until(is_over, self._longest(), "the incident's end")
        self.drill.history = await self.incident.history()
        self.drill.stored = await self.incident.stored()

    async def _has_ended(self, now: Scene) -> bool:
        drill = self.drill
        await self._answer(now)
        await self._ease(now)
        if drill.scenario.resizes and now.report and now.report.attempts:
            drill.change = await incident.describe(drill.stage.client, drill.stage.change_id, drill.fault_at)
        is_reverted = not (drill.reverts_in_time and incident.is_running(drill.change))
        return now.is_over and is_reverted

    async def _is_observed(self, now: Scene) -> bool:
        scenario = self.drill.scenario
        called = _called(now, scenario)
        return called is not None and (now.at - called).total_seconds() > scenario.observed

    async def _answer(self, now: Scene) -> None:
        if now.pending and now.pending.id != self.asked:
            self.asked = now.pending.id
            await self.person.decide(self.drill, now.pending)

    async def _ease(self, now: Scene) -> None:
        """Switch the fault off, once, where the scenario's ending needs that."""
        if not self.eased and (why := self._reason_to_ease(now)):
            self.eased = True
            await self.drill.scenario.fault.relent(self.drill.ground)
            self.narrator.say(why)

    def _reason_to_ease(self, now: Scene) -> str | None:
        """People who were called have done their part; or a size that is needed would not be reverted."""
        scenario, outcome = self.drill.scenario, now.report.outcome if now.report else Ending.OPEN
        if Level.L2 in scenario.calls and _called(now, scenario):
            return "The people who were called have ended what was wrong."
        if self.drill.reverts_in_time and outcome is Ending.RECOVERED:
            return f"The larger pool is not needed any more: {scenario.calm}."
        return None

    def _longest(self) -> float:
        """As long as the configured times can take, and time for a person to decide."""
        times = self.drill.stage.times
        ages = [times.leak_age, times.idle_leak_age, times.full_for]
        lengths = [times.exhausted_for, *ages, times.watch[-1], times.relook]
        waits = sum(map(seconds, lengths)) + 2 * seconds(times.clear_window)
        approval = Policy().approval.expires_after.total_seconds() if self.drill.scenario.asks else 0
        return waits + approval + SLACK

    async def _look_until(
        self, condition: Callable[[Scene], Awaitable[bool]], within: float, what: str
    ) -> None:
        drill, deadline = self.drill, time.monotonic() + within
        while True:
            now = await scene.look(drill.stage, drill.load, self.incident)
            drill.scenes.append(now)
            self.narrator.show(now)
            if await condition(now):
                return
            if time.monotonic() > deadline:
                raise DrillStuck(f"waited {within:.0f} s for {what}; {self.narrator.describe(now)}")
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _is(holds: bool) -> bool:
    return holds


def _called(now: Scene, scenario: Scenario) -> datetime | None:
    """When everybody whom the scenario wants called had been; None as long as somebody was not."""
    pages = now.report.escalations if now.report else ()
    if not {page.level for page in pages} >= scenario.calls:
        return None
    return max(min(page.at for page in pages if page.level is level) for level in scenario.calls)
