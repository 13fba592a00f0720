"""How long a query usually takes is what the incident's first look at it said."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import cases
from tests.unit import scenes
from tests.unit.scenes import GONE, NOW, evidence, known, policy, target
from tests.unit.slow_queries import OTHER, SHAPE, shape, slow, slow_look
from workflows import patches
from workflows.models.alert import AlertStatus
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence, StatementReading
from workflows.models.plan import HandOver, Plan
from workflows.record import Record
from workflows.usual import Usual

FIRST = shape(calls=560, mean_seconds=0.087, longest_seconds=6.0, deviation_seconds=0.1)
POLLUTED = shape(calls=700, mean_seconds=0.9, longest_seconds=20.0, deviation_seconds=1.5)
"""After four minutes of calls that take from one second to eight."""


def at_first() -> Evidence:
    return slow_look(slow(18), FIRST)


def later() -> Evidence:
    return slow_look(slow(18, 5.0), POLLUTED)


def record(*looks: Evidence) -> Record:
    learned = Record(cases.case(target(), policy(), cases.alert(target(), NOW, AlertStatus.FIRING)), NOW)
    for look in looks:
        found = patches.diagnosis_in_this_run(look, learned)
        learned.learn(look, found, Plan(step=HandOver(reason="for the test")), NOW)
    return learned


@pytest.mark.parametrize("is_new", [True, False])
def test_what_is_slow_in_an_incident_does_not_become_usual_while_it_lasts(
    is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def patched(name: str) -> bool:
        asked.append(name)
        return is_new

    monkeypatch.setattr("workflows.patches.workflow.patched", patched)

    known = record(at_first())
    assert asked == []
    found = patches.diagnosis_in_this_run(later(), known)

    assert (found.first.cause is Cause.SLOW) is is_new
    assert asked[0] == "usual-times-are-those-first-seen"
    usually = [reason for reason in found.first.reasons if reason.startswith("Usually")]
    assert bool(usually) is is_new
    assert all("by 560 calls" in reason for reason in usually)


def learned(*looks: Evidence) -> Usual:
    usual = Usual()
    for look in looks:
        usual.learn(look, None, target(), policy())
    return usual


def moved(look: Evidence, **length: float) -> Evidence:
    """The same, so much later."""
    at = look.at + timedelta(**length)
    database = look.database.model_copy(update={"at": at})
    return look.model_copy(update={"at": at, "database": database})


def test_what_is_seen_later_or_seldom_counts_as_the_server_has_it() -> None:
    assert learned(slow_look(slow(18), shape(calls=19))).as_first_seen(later()) == later()
    assert learned(later()).as_first_seen(at_first()) == slow_look(slow(18), POLLUTED)
    other = slow_look(slow(18), shape(query_id=OTHER))
    assert learned(at_first()).as_first_seen(other) == other
    assert OTHER != SHAPE


@pytest.mark.parametrize(("minutes", "is_kept"), [(59, True), (61, False)])
def test_what_was_usual_an_hour_ago_says_nothing_of_a_recurrence(minutes: float, is_kept: bool) -> None:
    now = moved(later(), minutes=minutes)
    usual = learned(at_first())

    assert (usual.as_first_seen(now) != now) is is_kept
    usual.learn(now, None, target(), policy())
    again = moved(slow_look(slow(18), shape()), minutes=minutes + 0.5)
    expected = FIRST if is_kept else POLLUTED
    assert usual.as_first_seen(again) == moved(slow_look(slow(18), expected), minutes=minutes + 0.5)


def elsewhere(of: StatementReading) -> Evidence:
    """On a server that began later."""
    other = scenes.database(slow(18), statements=known((of,)), started_at=NOW - timedelta(minutes=1))
    return slow_look(slow(18), database=other)


def test_another_server_has_a_usual_of_its_own() -> None:
    usual = learned(at_first())
    assert usual.as_first_seen(elsewhere(POLLUTED)) == elsewhere(POLLUTED)

    usual.learn(elsewhere(POLLUTED), None, target(), policy())
    assert usual.as_first_seen(elsewhere(shape())) == elsewhere(POLLUTED)
    assert usual.as_first_seen(later()) == later()


def test_of_a_server_that_is_not_believed_nothing_is_learned() -> None:
    standby = scenes.database(slow(18), statements=known((FIRST,)), in_recovery=True)

    assert learned(slow_look(slow(18), database=standby)).as_first_seen(later()) == later()


@pytest.mark.parametrize("database", [GONE, scenes.database(slow(18), statements=GONE)])
def test_what_could_not_be_read_stays_so(database: Any) -> None:
    look = evidence(database=database)

    assert learned(look, at_first()).as_first_seen(look) == look
