"""Queues behind a change of a table that waits itself."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.queues import ON_ROW, ROOT, busy, change, leaked, queue, queued, seen, stranger, waiting
from tests.unit.scenes import before, policy, session, target
from workflows.diagnosis import diagnose
from workflows.models.blocker import Blocker, LockRequest
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import Evidence
from workflows.models.reading import Unavailable

READER = 900
DDL = 500


def causes(look: Evidence, previous: Evidence | None = None) -> dict[Cause, Finding]:
    found = diagnose(look, previous, target(), policy()).findings
    return {each.cause: each for each in found}


def blocked(*changes: Blocker, count: int = 16, others: int = 0) -> Evidence:
    """So many own sessions behind these changes, which wait behind a reader."""
    sessions = [*queued(count, *(each.pid for each in changes)), *busy(others)]
    return queue(sessions, [*changes, stranger(READER, application_name="nightly", usename="shop")])


def wanting(**request: Any) -> Blocker:
    fields = {"kind": "relation", "mode": "AccessExclusiveLock", **request}
    return change(DDL, READER, awaits=LockRequest.model_validate(fields))


def test_a_change_that_waits_in_front_of_the_application_is_found() -> None:
    found = causes(blocked(change(DDL, READER), others=4))[Cause.DDL_QUEUE]

    assert found.confidence == pytest.approx(0.8 * 0.85)
    assert found.sessions == ()
    assert found.instances == ("web-1",)
    assert found.ripe_in is None
    assert found.reasons == (
        "16 working sessions of 20 (80.0 %) wait for locks.",
        (
            "16 of them wait behind pid 500 (migration, shop, ALTER TABLE, waits for AccessExclusiveLock on "
            "public.orders for 60 s), which waits itself behind pid 900 (nightly, shop, idle in transaction "
            "for 90 s)."
        ),
    )


def test_a_second_look_makes_it_surer() -> None:
    look = blocked(change(DDL, READER))

    assert causes(look, before(look))[Cause.DDL_QUEUE].confidence == pytest.approx(0.95)


@pytest.mark.parametrize(
    "mode", ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"]
)
def test_every_mode_that_no_ordinary_statement_asks_for_is_a_change(mode: str) -> None:
    assert Cause.DDL_QUEUE in causes(blocked(wanting(mode=mode)))


@pytest.mark.parametrize(
    "mode", ["AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock"]
)
def test_no_mode_of_an_ordinary_statement_is_one(mode: str) -> None:
    found = causes(blocked(wanting(mode=mode)))

    assert Cause.DDL_QUEUE not in found
    assert Cause.LOCK in found


@pytest.mark.parametrize("kind", ["transactionid", "tuple", "advisory", "extend"])
def test_a_strong_mode_on_anything_but_a_table_is_none(kind: str) -> None:
    assert Cause.DDL_QUEUE not in causes(blocked(wanting(kind=kind)))


def test_a_change_that_runs_is_none() -> None:
    running = change(DDL, wait_event_type=None, awaits=None, holds=True)

    found = causes(blocked(running))

    assert Cause.DDL_QUEUE not in found
    assert (
        "16 of them wait behind pid 500 (migration, shop, active for 60 s, last statement ALTER TABLE)"
        in found[Cause.LOCK].reasons[1]
    )


def test_a_change_that_has_just_got_its_lock_is_none() -> None:
    assert Cause.DDL_QUEUE not in causes(blocked(change(DDL)))


def test_whose_it_is_does_not_matter_for_the_cause() -> None:
    foreign = change(DDL, READER, usename="migrator")

    assert "pid 500 (migration, migrator, ALTER TABLE" in causes(blocked(foreign))[Cause.DDL_QUEUE].reasons[1]


def test_the_applications_own_session_may_run_it() -> None:
    own = session(DDL, 60.0, "active", wait_event_type="Lock", blocked_by=(READER,))
    request = LockRequest(kind="relation", mode="AccessExclusiveLock")
    listed = seen(own, awaits=request, holds=False, statement="ALTER TABLE")
    look = queue([own, *queued(16, DDL)], [listed, stranger(READER)])

    assert causes(look)[Cause.DDL_QUEUE].reasons[0] == "17 working sessions of 17 (100.0 %) wait for locks."


def test_two_changes_in_one_queue_are_both_told() -> None:
    look = blocked(change(DDL, READER), change(501, READER, DDL, statement="TRUNCATE"))

    reasons = causes(look)[Cause.DDL_QUEUE].reasons

    assert reasons[1].startswith("16 of them wait behind pid 500")
    assert reasons[2].startswith("16 of them wait behind pid 501 (migration, shop, TRUNCATE,")
    assert "pid 900 (nightly" in reasons[2]


def test_those_behind_a_session_that_waits_for_the_change_count_too() -> None:
    head = waiting(200, DDL)
    look = queue(
        [head, *queued(9, 200, first=201)], [seen(head, awaits=ON_ROW), change(DDL, READER), stranger(READER)]
    )

    assert causes(look)[Cause.DDL_QUEUE].reasons[1].startswith("10 of them")


@pytest.mark.parametrize(("behind_it", "is_ddl"), [(8, False), (9, True)])
def test_more_than_half_of_those_waiting_must_stand_behind_it(behind_it: int, is_ddl: bool) -> None:
    root = leaked()
    sessions = [root, *queued(behind_it, DDL), *queued(16 - behind_it, ROOT, first=300)]
    look = queue(sessions, [seen(root), change(DDL, READER), stranger(READER)])

    found = causes(look)

    assert (Cause.DDL_QUEUE in found) is is_ddl
    assert (Cause.LOCK in found) is not is_ddl


@pytest.mark.parametrize(("locked", "is_queue"), [(6, True), (5, False)])
def test_thirty_percent_of_the_working_sessions_make_a_queue(locked: int, is_queue: bool) -> None:
    look = blocked(change(DDL, READER), count=locked, others=20 - locked)

    assert (Cause.DDL_QUEUE in causes(look)) is is_queue


def test_a_change_that_waits_for_a_moment_is_looked_at_again() -> None:
    found = causes(blocked(change(DDL, READER, seconds=1.0)))[Cause.DDL_QUEUE]

    assert found.ripe_in == policy().pace.settle


def test_a_free_pool_and_unread_sessions_have_none() -> None:
    free = scenes.pool(4)
    look = blocked(change(DDL, READER)).model_copy(
        update={
            "application": scenes.application(scenes.page(free)),
            "metrics": scenes.metrics(scenes.scraped(free)),
        }
    )

    assert set(causes(look)) == {Cause.HEALTHY}
    unread = diagnose(scenes.evidence(database=scenes.GONE), None, target(), policy()).first.reasons
    assert (
        "Whether sessions queue behind a change of a table cannot be told: the sessions could not be read."
        in unread
    )


def test_without_the_blockers_no_change_is_seen() -> None:
    found = causes(queue(queued(16, DDL), Unavailable(reason="no answer in time")))

    assert Cause.DDL_QUEUE not in found
    assert found[Cause.LOCK].sessions == ()
