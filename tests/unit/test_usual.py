"""How long a query usually takes is what the incident's first look at it said."""

from typing import Any

import pytest

from tests.fakes import cases
from tests.unit import scenes
from tests.unit.scenes import GONE, NOW, evidence, policy, target
from tests.unit.slow_queries import OTHER, SHAPE, shape, slow, slow_look
from workflows import patches
from workflows.models.alert import AlertStatus
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
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


def test_what_is_seen_later_or_seldom_counts_as_the_server_has_it() -> None:
    usual = Usual()
    usual.learn(slow_look(slow(18), shape(calls=19)))

    assert usual.as_first_seen(later()) == later()
    usual.learn(later())
    assert usual.as_first_seen(at_first()) == slow_look(slow(18), POLLUTED)
    other = slow_look(slow(18), shape(query_id=OTHER))
    assert usual.as_first_seen(other) == other
    assert OTHER != SHAPE


@pytest.mark.parametrize("database", [GONE, scenes.database(slow(18), statements=GONE)])
def test_what_could_not_be_read_stays_so(database: Any) -> None:
    look, usual = evidence(database=database), Usual()
    usual.learn(look)
    usual.learn(at_first())

    assert usual.as_first_seen(look) == look
