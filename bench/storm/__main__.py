"""`python -m bench.storm`: many alerts at once, then very many in a row, and what became of each.

Exits with 0 if none was lost and the bounds were kept, 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.storm.counting import count_lost, count_runs
from bench.storm.deliveries import draw
from bench.storm.sending import Sent, send_at_once, send_in_a_row
from bench.storm.webhook import Webhook, serve
from deploy.local.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
MOST_GROWTH = 128.0
"""MiB that the webhook may need more than before the storm."""


@dataclass(frozen=True)
class Part:
    """One of the two storms, counted."""

    deliveries: int
    taken: int
    lost: int
    """Firing, answered with 2xx, and in no history."""
    given_up: int
    without_retry_after: int
    unanswered: int
    answers: dict[str, int]
    p50_milliseconds: float
    p99_milliseconds: float


@dataclass(frozen=True)
class Result:
    """Everything that is written."""

    seed: int
    targets: int
    at_once: Part
    in_a_row: Part
    targets_with_other_than_one_run: int
    mebibytes_before: float
    mebibytes_at_most: float
    command: str

    @property
    def is_passed(self) -> bool:
        """Nothing lost, nothing doubled, nothing given up, everything answered, memory bounded."""
        parts = (self.at_once, self.in_a_row)
        faults = sum(part.lost + part.given_up + part.without_retry_after + part.unanswered for part in parts)
        grown = self.mebibytes_at_most - self.mebibytes_before
        return faults + self.targets_with_other_than_one_run == 0 and grown < MOST_GROWTH


async def storm(webhook: Webhook, targets: list[str], arguments: argparse.Namespace) -> Result:
    """Both, one after the other, and what they left."""
    before = webhook.memory()
    print(f"{arguments.at_once} alerts at once over {len(targets)} targets ...", flush=True)
    first = await send_at_once(webhook, draw(arguments.at_once, targets, arguments.seed))
    print(f"{arguments.in_a_row} deliveries in a row ...", flush=True)
    second = await send_in_a_row(webhook, draw(arguments.in_a_row, targets, arguments.seed))
    runs = await count_runs(webhook.client, targets)
    return Result(
        seed=arguments.seed,
        targets=len(targets),
        at_once=await _count(webhook, first),
        in_a_row=await _count(webhook, second),
        targets_with_other_than_one_run=sum(number != 1 for number in runs.values()),
        mebibytes_before=before,
        mebibytes_at_most=webhook.memory(),
        command=" ".join(["python -m bench.storm", *sys.argv[1:]]),
    )


async def _count(webhook: Webhook, sent: Sent) -> Part:
    times = [1000 * seconds for seconds in sent.seconds]
    return Part(
        deliveries=sum(sent.answers.values()),
        taken=len(sent.seconds),
        lost=await count_lost(webhook.client, sent.taken),
        given_up=sent.given_up,
        without_retry_after=sent.without_retry_after,
        unanswered=sent.unanswered,
        answers=dict(sent.answers),
        p50_milliseconds=round(statistics.median(times), 1),
        p99_milliseconds=round(statistics.quantiles(times, n=100)[98], 1),
    )


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """How large the storm is."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.storm", description="Is any alert lost in a storm?"
    )
    parser.add_argument("--targets", type=int, default=100, help="so many targets (100)")
    parser.add_argument("--at-once", type=int, default=1000, help="alerts side by side (1000)")
    parser.add_argument("--in-a-row", type=int, default=20_000, help="deliveries one after the other (20000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same alerts (1)")
    parser.add_argument(
        "--folder",
        type=lambda given: Path(given).resolve(),
        default=ROOT / "var" / "bench" / "storm",
        help="where it runs",
    )
    return parser.parse_args(arguments)


async def run(arguments: argparse.Namespace) -> int:
    """Bring everything up, storm, count, and write it down."""
    targets = [f"target-{number:03}" for number in range(arguments.targets)]
    async with serve(arguments.folder, targets) as webhook:
        result = await storm(webhook, targets, arguments)
    to = arguments.folder / "storm.json"
    to.write_text(json.dumps(asdict(result), indent=2) + "\n")
    print(json.dumps(asdict(result), indent=2))
    print("passed" if result.is_passed else "NOT PASSED")
    return 0 if result.is_passed else 1


def main() -> None:
    """Failures are told in a sentence."""
    try:
        sys.exit(asyncio.run(run(parse_arguments(sys.argv[1:]))))
    except StackError as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
