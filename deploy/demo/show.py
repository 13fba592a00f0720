"""The whole demo: bring everything up, play the drill, judge it, sum it up, take everything down."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from deploy.demo import closing, judge, summary
from deploy.demo.check import Check
from deploy.demo.drill import Drill
from deploy.demo.narration import Narrator
from deploy.demo.person import AtTerminal, StandIn
from deploy.demo.play import Person, play
from deploy.demo.scenario import Scenario
from deploy.demo.stage import Stage, open_stage
from deploy.demo.times import Times, shortened
from deploy.local.stack import Started

SUMMARY = "summary.json"


@dataclass(frozen=True)
class Show:
    """One run of the demo. ``keeps``: leave everything running until it is interrupted."""

    scenario: Scenario
    times: Times
    folder: Path
    narrator: Narrator
    console: Console
    keeps: bool = False

    async def run(self) -> bool:
        """Whether it ended as it must; raises StackError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / SUMMARY).unlink(missing_ok=True)
        self.console.print(closing.tell_shortened(list(shortened(self.times))))
        self.narrator.say("Bringing up the stack, everything on 127.0.0.1 alone.")
        async with open_stage(self.folder, self.scenario, self.times, self._tell_start) as stage:
            self.narrator.places.update(describe_places(stage))
            return await self._play(stage)

    async def _play(self, stage: Stage) -> bool:
        person: Person = (AtTerminal if self.narrator.is_interactive else StandIn)(self.narrator)
        async with play(stage, self.scenario, self.narrator, person) as drill:
            checks = await judge.judge(drill)
            self._close(drill, checks)
            if self.keeps:
                self.narrator.say("Everything goes on until you press Ctrl-C. In another terminal:")
                self.narrator.say(
                    f"TEMPORAL_ADDRESS={stage.stack.temporal.address} .venv/bin/poolmedic show {stage.target}"
                )
                await asyncio.Event().wait()
        return all(check.holds for check in checks)

    def _close(self, drill: Drill, checks: tuple[Check, ...]) -> None:
        written = summary.summarise(drill)
        summary.write(written, self.folder / SUMMARY)
        places = {"report": written.report or "none", "summary": str(self.folder / SUMMARY)}
        if self.keeps:
            places = describe_places(drill.stage) | places
        else:
            places["to look around"] = f"make demo SCENARIO={self.scenario.name} KEEP=1 leaves it all running"
        self.console.print(closing.tell_ending(written, checks, places))

    def _tell_start(self, started: Started) -> None:
        self.narrator.say(f"{started.what} is ready at {started.where} ({started.seconds:.1f} s).")


def describe_places(stage: Stage) -> dict[str, str]:
    """Where to look while it runs."""
    identifier = stage.workflow_id.replace("/", "%2F")
    return {
        "Temporal UI": f"{stage.stack.temporal.ui}/namespaces/default/workflows/{identifier}",
        "Prometheus": f"{stage.stack.prometheus.url}/alerts",
        "application": f"{stage.application.target.url}/pool",
    }
