"""The confusion matrix: what was true, down, and what was found, across; and whether that is good enough."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.diagnosis.judgement import UNDECIDED, Judgement
from workflows.models.base import Model
from workflows.models.diagnosis import Cause

LEAST_RIGHT = 0.95
"""Share of the records whose first cause must be right."""
_ORDER = (*Cause, UNDECIDED)

type Matrix = dict[str, dict[str, int]]


class Score(Model):
    """How one kind of records was judged."""

    trials: int
    right: int
    wrong_acts: int
    matrix: Matrix
    """By true cause, by found cause: how many."""

    @property
    def is_met(self) -> bool:
        """Whether the bar is: enough right, and never an act on a wrong cause."""
        return self.trials > 0 and self.right >= LEAST_RIGHT * self.trials and self.wrong_acts == 0


class Result(Score):
    """The whole trial, as `diagnosis.json` has it."""

    real: Score
    """Runs on the stack."""
    varied: Score
    """Records made of them of which nothing is missing."""
    curtailed: Score
    """Records made of them of which something is: that it cannot be told is a right answer there."""
    wrong: tuple[str, ...]
    """Every wrong answer and every wrong act, a sentence each."""
    asked_wrongly: int
    """Requests for approval on a wrong cause: not done without a person, and not good either."""
    void: tuple[str, ...] = ()
    """Runs whose fault did not strike."""
    command: str = ""
    seconds: float = 0.0

    @property
    def is_passed(self) -> bool:
        """Whether each part is good enough on its own, and nothing is lacking."""
        parts = (self, self.real, self.varied, self.curtailed)
        return not self.void and all(part.is_met for part in parts if part.trials) and self.real.trials > 0


def score(judgements: Sequence[Judgement]) -> Score:
    """Count them."""
    counts = Counter((str(each.record.truth.cause), str(each.found)) for each in judgements)
    causes = [str(cause) for cause in _ORDER if any(str(cause) == true for true, _ in counts)]
    return Score(
        trials=len(judgements),
        right=sum(each.is_right for each in judgements),
        wrong_acts=sum(bool(each.wrong_acts) for each in judgements),
        matrix={
            true: {str(found): counts[true, str(found)] for found in _ORDER if counts[true, str(found)]}
            for true in causes
        },
    )


def sum_up(
    judgements: Sequence[Judgement], *, void: Iterable[str] = (), command: str = "", seconds: float = 0.0
) -> Result:
    """The whole and its three parts."""
    real = [each for each in judgements if not each.record.variations]
    varied = [each for each in judgements if each.record.variations and each.record.is_complete]
    curtailed = [each for each in judgements if not each.record.is_complete]
    return Result(
        **score(judgements).model_dump(),
        real=score(real),
        varied=score(varied),
        curtailed=score(curtailed),
        wrong=tuple(line for each in judgements for line in _complaints(each)),
        asked_wrongly=sum(bool(each.wrong_requests) for each in judgements),
        void=tuple(void),
        command=command,
        seconds=round(seconds, 1),
    )


def _complaints(judgement: Judgement) -> list[str]:
    record = judgement.record
    what = f"{record.name} ({', '.join(record.variations) or 'real'})"
    lines = [f"{what}: wrong act: {act}" for act in judgement.wrong_acts]
    lines += [f"{what}: asked wrongly: {act}" for act in judgement.wrong_requests]
    if not judgement.is_right:
        why = " ".join(judgement.reasons[:1])
        lines.append(f"{what}: {record.truth.cause} was called {judgement.found}, {judgement.step}. {why}")
    return lines


def draw_matrix(matrix: Matrix) -> list[str]:
    """The lines of a table, aligned; a dot where there is nothing."""
    found = [str(each) for each in _ORDER if any(str(each) in row for row in matrix.values())]
    head = ["true \\ found", *found]
    rows = [[true, *(str(row.get(each, ".")) for each in found)] for true, row in matrix.items()]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return ["  ".join(_cells(row, widths)).rstrip() for row in [head, *rows]]


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if not place else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def write_result(result: Result, to: Path) -> None:
    """One JSON document; an earlier one is replaced whole."""
    to.parent.mkdir(parents=True, exist_ok=True)
    draft = to.with_suffix(".draft")
    draft.write_text(result.model_dump_json(indent=2) + "\n")
    draft.replace(to)
