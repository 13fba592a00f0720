"""What is known of a run so far, and whether that is enough to call it passed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import override

from bench.chaos.draw import Draw, kills_at_moments
from bench.chaos.faults import KILLS
from bench.chaos.verdict import Failure

COUNTED = (
    "lost",
    "twice",
    "foreign",
    "unnamed",
    "late_pages",
    "undue_pages",
    "false_recovered",
    "ended_badly",
    "unplayed",
)
"""Every bar: each of them is to be 0."""
LONG = 300
"""A run of so many has ended each process at each moment, or it is not passed."""
_KILLS = frozenset(fault.name for fault in KILLS)

type Pair = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One thing that is told of a trial."""

    number: int
    scenario: str
    fault: str
    moment: str
    what: str


@dataclass(frozen=True)
class End:
    """What became of one trial."""

    outcome: str
    failures: Sequence[Failure]
    unseen: str = ""
    """Which effect of the fault nobody saw; empty where it struck."""

    @property
    def has_struck(self) -> bool:
        return not self.unseen

    @override
    def __str__(self) -> str:
        told = "; ".join(f"{each.kind}: {each.what}" for each in self.failures) or "as it must"
        return f"{self.outcome}: {told}{f' (did not strike: {self.unseen})' if self.unseen else ''}"


def needed(drawn: Sequence[Draw]) -> set[Pair]:
    """Which process has to be ended at which moment: all there are, or in a short run those that it drew."""
    pairs = {(each.fault.name, each.moment.name) for each in drawn if each.fault.name in _KILLS}
    return pairs | kills_at_moments() if len(drawn) >= LONG else pairs


@dataclass
class Tally:
    """Grows trial by trial."""

    seed: int
    drawn: int
    needed: set[Pair] = field(default_factory=set)
    runs: int = 0
    struck: int = 0
    """In how many something other than poolmedic saw what the fault did."""
    again: int = 0
    """How many trials were played once more, because the fault did not strike."""
    counts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    kills: Counter[Pair] = field(default_factory=Counter)
    failures: list[Line] = field(default_factory=list)
    not_struck: list[Line] = field(default_factory=list)
    command: str = ""

    @property
    def is_passed(self) -> bool:
        return not list(self.objections())

    def objections(self) -> Iterator[str]:
        """Why it is not passed. No share of trials may be without effect: they would prove nothing."""
        if not self.drawn:
            yield "nothing was drawn"
        if self.runs != self.drawn:
            yield f"{self.runs} of {self.drawn} trials were played"
        if self.failures:
            yield f"{len(self.failures)} failures"
        if self.struck != self.runs:
            yield f"in {self.runs - self.struck} trials the fault did not strike"
        for fault, moment in sorted(self.needed - self.kills.keys()):
            yield f"{fault}: not at the moment {moment}"

    def add(self, drawn: Draw, end: End, again: int = 0) -> None:
        """Count one trial, which was played again so often."""
        self.runs += 1
        self.again += again
        self.outcomes[end.outcome] += 1
        self.counts.update({each.kind for each in end.failures})
        self.failures += [_line(drawn, each.what) for each in end.failures]
        self.struck += end.has_struck
        if not end.has_struck:
            self.not_struck.append(_line(drawn, end.unseen))
        elif drawn.fault.name in _KILLS:
            self.kills[drawn.fault.name, drawn.moment.name] += 1

    def write(self, to: Path) -> None:
        """As far as it is; an earlier file is replaced whole."""
        draft = to.with_suffix(".draft")
        draft.write_text(json.dumps(self._found(), indent=2) + "\n")
        draft.replace(to)

    def _found(self) -> dict[str, object]:
        kills = dict[str, dict[str, int]]()
        for (fault, moment), times in sorted(self.kills.items()):
            kills.setdefault(fault, {})[moment] = times
        return {
            "seed": self.seed,
            "runs": self.runs,
            **{kind: self.counts[kind] for kind in COUNTED},
            "struck": self.struck,
            "played_again": self.again,
            "is_passed": self.is_passed,
            "outcomes": dict(self.outcomes),
            "kills": kills,
            "failures": [asdict(each) for each in self.failures],
            "not_struck": [asdict(each) for each in self.not_struck],
            "command": self.command,
        }


def _line(drawn: Draw, what: str) -> Line:
    return Line(drawn.number, drawn.play.name, drawn.fault.name, drawn.moment.name, what)
