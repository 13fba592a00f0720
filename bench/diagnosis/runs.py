"""The real runs, one after the other, each told with its time as it ends."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.diagnosis import progress
from bench.diagnosis.draws import draw_trial
from bench.diagnosis.judgement import judge
from bench.diagnosis.record import Record, write_record
from bench.diagnosis.servers import Servers, open_servers
from bench.diagnosis.trial import TrialVoid, run_trial

ATTEMPTS = 2
"""A run whose fault did not strike is drawn once more, and then told as void."""


@dataclass(frozen=True)
class Runs:
    """What was recorded, and which runs came to nothing."""

    records: tuple[Record, ...]
    void: tuple[str, ...] = ()

    @classmethod
    async def make(cls, folder: Path, kinds: Sequence[str], number: int, seed: int) -> Runs:
        """So many of each kind; the records go to `records` below the folder. Raises StackError."""
        kept = folder / "records"
        shutil.rmtree(kept, ignore_errors=True)
        records: list[Record] = []
        void: list[str] = []
        progress.begin(len(kinds) * number)
        async with open_servers(folder / "stack") as servers:
            for turn in range(1, number + 1):
                for kind in kinds:
                    record = await _run(servers, kind, turn, seed)
                    if isinstance(record, str):
                        void.append(record)
                    else:
                        records.append(record)
                        write_record(record, kept)
        return cls(tuple(records), tuple(void))


async def _run(servers: Servers, kind: str, turn: int, seed: int) -> Record | str:
    """The record, or why there is none."""
    name, reason = f"{kind}-{turn}", ""
    for attempt in range(ATTEMPTS):
        draw = draw_trial(kind, Random(f"{seed}/{name}/{attempt}"))
        began = time.monotonic()
        progress.start(name, draw.circumstances)
        try:
            record = await run_trial(servers, draw, name)
        except TrialVoid as failure:
            reason = f"{name}: {failure}"
            progress.fail(str(failure))
        else:
            progress.judge(judge(record), time.monotonic() - began)
            return record
    return reason
