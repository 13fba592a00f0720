"""`python -m bench.chaos`: incidents while everything around them breaks, and what became of each.

Exits with 0 if there were trials, every fault struck, no alert was lost, no act done twice, no foreign
session touched, every incident ended by a name and every page came in time and none beside; 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from bench.chaos import trial
from bench.chaos.draw import Draw, draw
from bench.chaos.plays import PLAYS
from bench.chaos.site import Site, open_site
from bench.chaos.tally import End, Tally, needed
from bench.chaos.verdict import Failure, judge
from deploy.local.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
MOST_TRIES = 3
"""A trial whose fault was not seen to strike is played again: the moment may have gone by."""


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
    ends = list[End]()
    while len(ends) < MOST_TRIES and not (ends and (ends[-1].failures or ends[-1].has_struck)):
        began = time.monotonic()
        ends.append(await _try(site, drawn))
        took = f"{time.monotonic() - began:.0f} s"
        print(f"no. {drawn.number}, {drawn}: {ends[-1]}, {took}", flush=True)
    tally.add(drawn, ends[-1], again=len(ends) - 1)
    tally.write(folder / "summary.json")
    print(f"{tally.runs} of {tally.drawn} played, {len(tally.failures)} told", flush=True)


async def _try(site: Site, drawn: Draw) -> End:
    try:
        async with trial.run(site, drawn) as played:
            failures = await judge(played)
            report = played.incident.report
    except (StackError, TimeoutError, OSError) as stuck:
        return End("not played", [Failure("unplayed", f"{type(stuck).__name__}: {stuck}")], "not played")
    unseen = "" if played.strike.is_seen else played.strike.unseen
    return End(str(report.outcome) if report else "no incident", failures, unseen)


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
    tally = Tally(arguments.seed, len(drawn), needed=needed(drawn), command=command)
    tally.write(arguments.folder / "summary.json")  # Nobody is to read that of an earlier run as this one's.
    await play_all(drawn, tally, arguments.folder, min(arguments.sites, len(drawn)))
    print((arguments.folder / "summary.json").read_text())
    print("passed" if tally.is_passed else f"NOT PASSED: {'; '.join(tally.objections())}")
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
