"""`python -m bench.chaos`: incidents while everything around them breaks, and what became of each.

Exits with 0 if no alert was lost, no act done twice, no foreign session touched, every incident ended by a
name and every page came in time; 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from bench.chaos import trial
from bench.chaos.draw import Draw, draw
from bench.chaos.plays import PLAYS
from bench.chaos.site import Site, open_site
from bench.chaos.verdict import Failure, judge
from deploy.local.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
COUNTED = ("lost", "twice", "foreign", "unnamed", "late_pages", "false_recovered", "ended_badly", "unplayed")
"""Every bar: each of them is to be 0."""


@dataclass(frozen=True)
class Line:
    """One trial that failed."""

    number: int
    scenario: str
    fault: str
    moment: str
    what: str


@dataclass
class Tally:
    """What is known so far."""

    seed: int
    drawn: int
    runs: int = 0
    struck: int = 0
    """In how many the fault struck at its moment; in the others the moment never came."""
    counts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Line] = field(default_factory=list)
    command: str = ""

    @property
    def is_passed(self) -> bool:
        return self.runs == self.drawn and not self.failures

    def add(self, drawn: Draw, failures: list[Failure]) -> None:
        """Count one trial."""
        self.runs += 1
        self.counts.update({each.kind for each in failures})
        self.failures += [
            Line(drawn.number, drawn.play.name, drawn.fault.name, drawn.moment.name, each.what)
            for each in failures
        ]

    def write(self, to: Path) -> None:
        """As far as it is; an earlier file is replaced whole."""
        found = {
            "seed": self.seed,
            "runs": self.runs,
            **{kind: self.counts[kind] for kind in COUNTED},
            "struck": self.struck,
            "outcomes": dict(self.outcomes),
            "failures": [asdict(each) for each in self.failures],
            "command": self.command,
        }
        draft = to.with_suffix(".draft")
        draft.write_text(json.dumps(found, indent=2) + "\n")
        draft.replace(to)


async def play_all(drawn: list[Draw], tally: Tally, folder: Path, sites: int) -> None:
    """Every draw on one of so many sites, side by side."""
    waiting: asyncio.Queue[Draw] = asyncio.Queue()
    for each in drawn:
        waiting.put_nowait(each)

    async def serve(number: int) -> None:
        async with open_site(folder / f"site-{number}", PLAYS[0].scenario) as site:
            while not waiting.empty():
                await _play(site, waiting.get_nowait(), tally, folder)

    async with asyncio.TaskGroup() as group:
        for number in range(sites):
            group.create_task(serve(number))


async def _play(site: Site, drawn: Draw, tally: Tally, folder: Path) -> None:
    began = time.monotonic()
    try:
        async with trial.run(site, drawn) as played:
            failures = await judge(played)
            report = played.incident.report
            ending = str(report.outcome) if report else "no incident"
            tally.struck += played.struck_at is not None
    except (StackError, TimeoutError, OSError) as stuck:
        failures, ending = [Failure("unplayed", f"{type(stuck).__name__}: {stuck}")], "not played"
    tally.outcomes[ending] += 1
    tally.add(drawn, failures)
    tally.write(folder / "summary.json")
    told = "; ".join(f"{each.kind}: {each.what}" for each in failures) or "as it must"
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{tally.runs}/{tally.drawn}  no. {drawn.number}, {drawn}: {ending}, {took}: {told}", flush=True)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """How many trials, and which."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description="Does anything go wrong?")
    parser.add_argument("--runs", type=int, default=300, help="trials (300)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same trials (1)")
    parser.add_argument("--sites", type=int, default=3, help="stacks side by side (3)")
    parser.add_argument("--only", type=int, nargs="*", default=(), help="these numbers of the draw alone")
    parser.add_argument(
        "--folder",
        type=lambda given: Path(given).resolve(),
        default=ROOT / "var" / "chaos",
        help="where it runs",
    )
    return parser.parse_args(arguments)


async def run(arguments: argparse.Namespace) -> int:
    """Draw, play, judge, and write it down."""
    drawn = [
        each
        for each in draw(arguments.runs, arguments.seed)
        if not arguments.only or each.number in arguments.only
    ]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python -m bench.chaos", *sys.argv[1:]])
    tally = Tally(arguments.seed, len(drawn), command=command)
    await play_all(drawn, tally, arguments.folder, min(arguments.sites, len(drawn)))
    print((arguments.folder / "summary.json").read_text())
    print("passed" if tally.is_passed else "NOT PASSED")
    return 0 if tally.is_passed else 1


def main() -> None:
    """Failures are told in a sentence."""
    # While Temporal is gone its client would fill the screen with every try.
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    try:
        sys.exit(asyncio.run(run(parse_arguments(sys.argv[1:]))))
    except StackError as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
