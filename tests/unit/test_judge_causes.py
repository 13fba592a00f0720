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
    ],
    ids=["between two requests", "told to people", "unknown twice", "a wrong suspicion"],
)
def test_only_an_unknown_first_look_that_asks_for_another_names_none(
    looks: list[Diagnosis], named: list[Cause]
) -> None:
    assert list(causes_of(looks)) == named
