"""What the judge of a drill takes for the causes a report names."""

from datetime import timedelta

import pytest

from deploy.demo.judge import causes_of
from workflows.models.diagnosis import Cause, Diagnosis, Finding

AGAIN = timedelta(seconds=2)


def look(cause: Cause, ripe_in: timedelta | None = None) -> Diagnosis:
    finding = Finding(cause=cause, confidence=0.5, reasons=("seen",), instances=("app",), ripe_in=ripe_in)
    return Diagnosis(findings=(finding,), pools={})


@pytest.mark.parametrize(
    ("looks", "named"),
    [
        ([look(Cause.UNKNOWN, AGAIN), look(Cause.HOLD)], [Cause.HOLD]),
        ([look(Cause.UNKNOWN), look(Cause.HOLD)], [Cause.UNKNOWN, Cause.HOLD]),
        ([look(Cause.UNKNOWN, AGAIN), look(Cause.UNKNOWN)], [Cause.UNKNOWN]),
        ([look(Cause.LEAK, AGAIN), look(Cause.HOLD)], [Cause.LEAK, Cause.HOLD]),
        ([look(Cause.UNDERSIZED, AGAIN), look(Cause.HEALTHY)], [Cause.HEALTHY]),
        ([look(Cause.UNDERSIZED), look(Cause.HEALTHY)], [Cause.UNDERSIZED, Cause.HEALTHY]),
        ([look(Cause.LEAK), look(Cause.SPIKE, AGAIN)], [Cause.LEAK, Cause.SPIKE]),
    ],
    ids=[
        "between two requests",
        "told to people",
        "unknown twice",
        "a wrong suspicion",
        "full for a moment",
        "named, and over",
        "never dismissed",
    ],
)
def test_only_a_look_that_asks_for_another_and_is_dismissed_by_it_names_none(
    looks: list[Diagnosis], named: list[Cause]
) -> None:
    assert list(causes_of(looks)) == named
