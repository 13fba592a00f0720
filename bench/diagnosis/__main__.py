"""`python -m bench.diagnosis`: breaks pools for real, varies what was seen, and counts what was diagnosed.

Exits with 0 if the bar is met, 1 if it is not or a run was void, 2 if it was called wrongly.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

from bench.diagnosis import progress
from bench.diagnosis.draws import SCENARIOS
from bench.diagnosis.judgement import judge
from bench.diagnosis.matrix import Result, sum_up, write_result
from bench.diagnosis.record import Record, read_records
from bench.diagnosis.runs import Runs
from bench.diagnosis.variations.varied import vary
from deploy.local.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "var" / "bench"
INTERRUPTED = 130


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """What is to be tried; ends with 2 where that cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.diagnosis", description="How often is the cause of a full pool found?"
    )
    parser.add_argument("--runs", type=int, default=5, help="real runs of each scenario (5)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same trials (1)")
    parser.add_argument("--varied", type=int, default=12, help="records made of each real one (12)")
    parser.add_argument("--only", choices=sorted(SCENARIOS), nargs="+", help="these scenarios alone")
    parser.add_argument(
        "--folder",
        type=lambda given: Path(given).resolve(),
        default=FOLDER,
        help="where everything is written (var/bench)",
    )
    parser.add_argument("--recorded", type=Path, help="judge the records of this folder; run nothing")
    return parser.parse_args(arguments)


async def gather(arguments: argparse.Namespace) -> Runs:
    """The real runs: new ones, or those that were recorded."""
    if arguments.recorded:
        return Runs(tuple(read_records(arguments.recorded)))
    kinds = arguments.only or list(SCENARIOS)
    return await Runs.make(arguments.folder, kinds, arguments.runs, arguments.seed)


def judge_all(
    real: tuple[Record, ...], arguments: argparse.Namespace, began: float, void: tuple[str, ...]
) -> Result:
    """The real ones, and those that are made of them."""
    each = arguments.varied
    records = [*real, *vary(real, each, arguments.seed)]
    return sum_up(
        [judge(record) for record in records],
        void=void,
        command=_command(arguments),
        seconds=time.monotonic() - began,
    )


def run(arguments: argparse.Namespace) -> int:
    """Try it; failures are told in a sentence."""
    began = time.monotonic()
    try:
        runs = asyncio.run(gather(arguments))
    except StackError as failure:
        print(failure)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; everything that was started has ended.")
        return INTERRUPTED
    result = judge_all(runs.records, arguments, began, runs.void)
    to = arguments.folder / "diagnosis.json"
    write_result(result, to)
    progress.conclude(result, to)
    return 0 if result.is_passed else 1


def _command(arguments: argparse.Namespace) -> str:
    options = {"--runs": arguments.runs, "--varied": arguments.varied, "--seed": arguments.seed}
    words = [f"{name} {value}" for name, value in options.items()]
    return " ".join(
        ["python -m bench.diagnosis", *words, *(["--only", *arguments.only] if arguments.only else [])]
    )


def main() -> None:
    code = run(parse_arguments(sys.argv[1:]))
    sys.stdout.flush()
    sys.stderr.flush()
    # After a Temporal client the interpreter's own end sometimes dies by SIGSEGV.
    os._exit(code)


if __name__ == "__main__":
    main()
