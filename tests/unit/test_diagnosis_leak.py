"""Whose sessions are leaked, how many of them make a leak, and what is said of them."""

from time import process_time
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import first, leak_look
from tests.unit.scenes import evidence, known, policy, pool, scraped, session, sessions, target
from workflows.causes.leak import find_leak
from workflows.causes.symptoms import observe
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause


def test_old_idle_transactions_that_hold_the_pool_are_a_leak() -> None:
    found = first(evidence())

    assert found.cause is Cause.LEAK
    assert found.confidence == pytest.approx(0.9 * 0.85)
    assert found.instances == ("web-1",)
    assert found.ripe_in is None
    assert [each.identity.pid for each in found.sessions] == list(range(100, 118))
    assert found.reasons[0] == (
        "18 sessions idle in transaction for 91 s to 108 s, by the server's own record, in one look: 90.0 % "
        "of the 20 connections checked out on web-1."
    )
    assert found.reasons[1] == (
        "Forgotten means idle for more than 30 s; 3 times the longer hold time, usual or now, is 600 ms."
    )


@pytest.mark.parametrize("state", ["idle in transaction", "idle in transaction (aborted)"])
def test_both_ways_to_idle_in_a_transaction_count(state: str) -> None:
    assert first(leak_look(sessions(18, state=state))).cause is Cause.LEAK


@pytest.mark.parametrize(
    "other",
    [
        {"state": "idle"},
        {"state": "active"},
        {"state": "fastpath function call"},
        {"usename": "billing"},
        {"datname": "billing"},
        {"application_name": "psql"},
        {"in_progress": "pg_stat_progress_create_index"},
        {"wait_event_type": "IPC", "wait_event": "SyncRep"},
    ],
    ids=str,
)
def test_what_is_not_the_target_s_own_idle_transaction_is_never_leaked(other: dict[str, Any]) -> None:
    strange = [session(500 + number, 4000, **other) for number in range(18)]
    diagnosis = diagnose(leak_look(strange), None, target(), policy())
    mixed = first(leak_look(strange + sessions(18)))

    assert all(found.cause is not Cause.LEAK for found in diagnosis.findings)
    assert {each.identity.pid for each in mixed.sessions} == set(range(100, 118))


@pytest.mark.parametrize(("leaked", "is_leak"), [(4, False), (5, True)])
def test_a_leak_holds_a_real_share_of_what_is_checked_out(leaked: int, is_leak: bool) -> None:
    diagnosis = diagnose(leak_look(sessions(leaked)), None, target(), policy())

    assert (diagnosis.first.cause is Cause.LEAK) is is_leak
    if not is_leak:
        assert diagnosis.first.reasons[-1] == (
            "No leak: 4 of 20 connections checked out are held idle in transaction for more than 30 s; "
            "a leak is called from 25.0 %."
        )


def test_sessions_that_have_written_are_named() -> None:
    found = first(leak_look([*sessions(17), session(7, 200, has_written=True)]))

    assert "Have written, and would be rolled back: 7 (pid)." in found.reasons
    assert [each.identity.pid for each in found.sessions if each.has_written] == [7]


def test_sessions_that_hold_an_advisory_lock_are_named() -> None:
    held = [session(7, 200, holds_advisory_lock=True), session(8, 200, has_written=True)]
    found = first(leak_look([*sessions(16), *held]))

    assert "Hold an advisory lock, which others could take: 7 (pid)." in found.reasons
    assert "Have written, and would be rolled back: 8 (pid)." in found.reasons


@pytest.mark.parametrize("loss", [{"has_written": True}, {"holds_advisory_lock": True}])
def test_a_session_that_is_listed_twice_counts_once_and_as_one_that_loses_something(
    loss: dict[str, Any],
) -> None:
    twice = [session(7, 200), session(7, 200, **loss), session(7, 200)]

    found = first(leak_look([*sessions(17), *twice]))

    assert len(found.sessions) == 18
    assert [each.identity.pid for each in found.sessions if each.loses_something] == [7]


def test_a_pool_that_says_it_has_no_connection_denies_no_leak_of_those_that_were_not_read() -> None:
    empty = pool(0, 0, waiters=3)
    read = scenes.metrics(scraped(empty, full_seconds=known(90.0)), scenes.GONE)
    look = leak_look(
        sessions(5), metrics=read, application=scenes.application(scenes.page(empty), scenes.GONE)
    )

    assert find_leak(observe(look, None, target(instances=2), policy())) == (
        "Whether connections leak cannot be told: 5 sessions are held idle in transaction for more than "
        "30 s, and as many may be of instances that could not be read."
    )


def test_the_application_s_own_leak_counter_is_told() -> None:
    full = pool(waiters=4)
    look = evidence(metrics=scenes.metrics(scraped(full, leaked=known(18.0))))

    assert "web-1 itself counted 18 leaked lately." in first(look).reasons


def test_five_hundred_leaked_sessions_are_told_in_time() -> None:
    look = leak_look(sessions(500), 500)

    began = process_time()
    found = first(look, scenes.before(look))

    assert len(found.sessions) == 500
    # Temporal gives a workflow task two seconds of a machine that has other things to do.
    assert process_time() - began < 0.5
