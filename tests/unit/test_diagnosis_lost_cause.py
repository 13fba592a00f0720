"""A cause that was named a look ago and is seen no more: people are called once a second look says so too."""

from datetime import timedelta

import pytest

from tests.unit import scenes
from workflows.diagnosis import doubt
from workflows.models.diagnosis import Cause, Diagnosis, Finding

SOON = timedelta(seconds=1)


def look(cause: Cause, ripe_in: timedelta | None = None) -> Diagnosis:
    finding = Finding(cause=cause, confidence=0.5, reasons=("seen",), instances=("web-1",), ripe_in=ripe_in)
    return Diagnosis(findings=(finding,), pools={}, missing=("database: refused",))


@pytest.mark.parametrize("named", [Cause.SLOW, Cause.LOCK, Cause.LEAK, Cause.SPIKE])
def test_what_is_unknown_after_a_named_cause_is_looked_at_again(named: Cause) -> None:
    found = look(Cause.UNKNOWN)

    doubted = doubt(found, look(named), scenes.policy())

    assert doubted == look(Cause.UNKNOWN, 0.7 * scenes.policy().pace.settle)


@pytest.mark.parametrize(
    "before",
    [None, look(Cause.UNKNOWN), look(Cause.UNKNOWN, SOON), look(Cause.HEALTHY), look(Cause.LEAK, SOON)],
    ids=["no look", "unknown", "unknown at first", "healthy", "suspected"],
)
def test_where_nothing_was_named_people_are_called_at_once(before: Diagnosis | None) -> None:
    found = look(Cause.UNKNOWN)

    assert doubt(found, before, scenes.policy()) is found


@pytest.mark.parametrize("found", [look(Cause.SLOW), look(Cause.HEALTHY), look(Cause.UNKNOWN, SOON)])
def test_only_an_unknown_cause_is_doubted(found: Diagnosis) -> None:
    assert doubt(found, look(Cause.LOCK), scenes.policy()) is found
