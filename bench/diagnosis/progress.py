"""What is told while the trial runs, and at its end."""

from datetime import UTC, datetime
from pathlib import Path

from bench.diagnosis.draws import SHORTENED
from bench.diagnosis.judgement import Judgement
from bench.diagnosis.matrix import LEAST_RIGHT, Result, Score, draw_matrix
from workflows.wording import percent

MOST_TOLD = 40


def begin(runs: int) -> None:
    """Before the servers start."""
    say(f"{runs} real runs, about 20 s each. {SHORTENED}")


def start(name: str, circumstances: str) -> None:
    """Before a run."""
    say(f"{name}: {circumstances}")


def judge(judgement: Judgement, seconds: float) -> None:
    """After a run."""
    word = "right" if judgement.is_right else "WRONG"
    say(f"  {word}: {judgement.found}; {judgement.step} ({seconds:.0f} s)")
    if not judgement.is_right:
        for reason in judgement.reasons:
            say(f"    {reason}")
    for act in (*judgement.wrong_acts, *judgement.wrong_requests):
        say(f"    wrong: {act}")


def fail(reason: str) -> None:
    """After a run whose fault did not strike."""
    say(f"  void: {reason}")


def conclude(result: Result, to: Path) -> None:
    """The matrix, what was wrong, and whether the bar is met."""
    print()
    for line in draw_matrix(result.matrix):
        print(f"  {line}")
    print()
    print(f"  Real runs:                 {_told(result.real)}")
    print(f"  Varied, nothing missing:   {_told(result.varied)}")
    print(f"  Varied, something missing: {_told(result.curtailed)}; unknown and undecided are right there")
    print(f"  All:                       {_told(result)}; {result.asked_wrongly} asked about wrongly")
    for line in (*result.wrong[:MOST_TOLD], *(f"void: {each}" for each in result.void)):
        print(f"  - {line}")
    word = "met" if result.is_passed else "NOT MET"
    print(f"\n  The bar ({percent(LEAST_RIGHT)} right in each part, no wrong act, no void run): {word}.")
    print(f"  {to}")


def say(text: str) -> None:
    """One line with its time."""
    print(f"{datetime.now(UTC):%H:%M:%S}  {text}", flush=True)


def _told(part: Score) -> str:
    share = percent(part.right / part.trials) if part.trials else "none"
    return f"{part.right} of {part.trials} right ({share}), {part.wrong_acts} wrong acts"
