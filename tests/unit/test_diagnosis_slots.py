"""Slots that a pool lost: it counts connections that the server does not have any more."""

from datetime import timedelta

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import first, leak_look
from tests.unit.scenes import GONE, NOW, evidence, page, policy, pool, target
from workflows.causes.trust import lost_slots
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence


def lost_look(total: int = 2) -> Evidence:
    """After the sessions ended: the pool still counts twenty, the server has two."""
    return leak_look([], total)


def test_connections_the_server_has_no_more_are_a_leak_once_the_server_is_proven() -> None:
    found = first(lost_look(), scenes.before(evidence()))

    assert found.cause is Cause.LEAK
    assert found.sessions == ()
    assert found.ripe_in is None
    assert "18 connections as checked out that the server does not have any more" in found.reasons[0]


def test_a_named_server_is_proven_but_one_look_at_lost_slots_is_a_suspicion() -> None:
    named = scenes.with_database(target(), system_identifier="7300000000000000001")

    found = diagnose(lost_look(), None, named, policy()).first

    assert (found.cause, found.ripe_in) == (Cause.LEAK, policy().pace.settle)
    assert diagnose(lost_look(), scenes.before(lost_look()), named, policy()).first.ripe_in is None


def test_a_restarted_server_proves_nothing() -> None:
    restarted = evidence(database=scenes.database([], total=2, started_at=NOW - timedelta(seconds=9)))

    assert first(restarted, scenes.before(evidence())).cause is Cause.UNKNOWN


def test_idle_connections_of_another_instance_do_not_hide_what_one_has_lost() -> None:
    two = target(instances=2)
    pages = scenes.application(page(pool(waiters=1)), page(pool(0)))

    def lost(total: int) -> int:
        return lost_slots(
            evidence(application=pages, database=scenes.database([], total=total)), two, policy()
        )

    assert [lost(total) for total in (40, 36, 35, 22)] == [0, 0, 5, 18]


@pytest.mark.parametrize(("total", "lost"), [(20, 0), (25, 0), (16, 0), (15, 5), (0, 20)])
def test_a_few_connections_more_than_sessions_are_the_race_of_two_reads(total: int, lost: int) -> None:
    assert lost_slots(lost_look(total), target(), policy()) == lost


def test_behind_a_transaction_pooler_sessions_and_checkouts_do_not_compare() -> None:
    pooled = scenes.with_database(target(), transaction_pooler=True)

    assert lost_slots(lost_look(), pooled, policy()) == 0
    assert lost_slots(evidence(database=GONE), target(), policy()) == 0
