"""Lock queues: who stands in front, who of them may be ended, and who never."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import first
from tests.unit.lock_queues import behind, left_to_people, three_levels
from tests.unit.plans import decide
from tests.unit.queues import (
    ON_ROW,
    ROOT,
    busy,
    leaked,
    queue,
    queued,
    seen,
    stranger,
    waiting,
)
from tests.unit.scenes import before, policy, session
from workflows.models.blocker import AUTOVACUUM, GONE, PREPARED, Blocker, LockRequest
from workflows.models.diagnosis import Cause
from workflows.models.plan import LookAgain, Proposal, Termination
from workflows.models.policy import Permission
from workflows.models.reading import Unavailable

TO_READ = LockRequest(kind="relation", mode="AccessShareLock", relation="public.orders")


def test_the_forgotten_root_of_several_levels_is_found() -> None:
    root = leaked()

    found = first(three_levels(root))

    assert found.cause is Cause.LOCK
    assert found.sessions == (root,)
    assert found.confidence == pytest.approx(16 / 17 * 0.85)
    assert found.ripe_in is None
    assert found.reasons == (
        "16 working sessions of 17 (94.1 %) wait for locks.",
        "16 of them wait behind pid 100 (shop-api, shop, idle in transaction for 90 s), 1 of these directly.",
        "Forgotten means idle in a transaction for more than 30 s, by the server's own record, in one look.",
    )


def test_a_second_look_that_shows_the_same_makes_it_surer() -> None:
    look = three_levels(leaked())

    assert first(look, before(look)).confidence == pytest.approx(16 / 17 * 0.95)


def test_exactly_the_root_is_ended_and_alone_where_nothing_is_lost() -> None:
    root = leaked()

    step = decide(three_levels(root)).step

    assert isinstance(step, Proposal)
    assert step.act == Termination(sessions=(root.identity,))
    assert step.cause is Cause.LOCK
    assert step.permission is Permission.ALONE


@pytest.mark.parametrize("loss", ["has_written", "holds_advisory_lock"])
def test_a_root_that_loses_something_is_ended_by_approval_only(loss: str) -> None:
    root = leaked(**{loss: True})

    step = decide(three_levels(root)).step

    assert isinstance(step, Proposal)
    assert step.act == Termination(sessions=(root.identity,))
    assert step.permission is Permission.APPROVAL


def test_a_migration_left_open_is_told_as_one_and_whoever_approves_reads_that_it_is_rolled_back() -> None:
    root = leaked(has_written=True)
    front = seen(root, statement="ALTER TABLE", withholds=TO_READ)
    look = queue([root, *queued(16, ROOT)], [front])

    step = decide(look).step

    wanted = "in the way of AccessShareLock on public.orders)"
    assert f"idle in transaction for 90 s, last statement ALTER TABLE, {wanted}" in first(look).reasons[1]
    assert isinstance(step, Proposal)
    assert step.permission is Permission.APPROVAL
    assert step.risk.endswith(
        " Its last statement was ALTER TABLE: a migration is rolled back, and has to be run again."
    )


def test_of_a_root_that_changed_no_table_no_migration_is_told() -> None:
    step = decide(three_levels(leaked(has_written=True))).step

    assert isinstance(step, Proposal)
    assert "migration" not in step.risk


@pytest.mark.parametrize(
    ("front", "words"),
    [
        (
            stranger(900, state="active", statement="LOCK", withholds=TO_READ),
            "active for 90 s, last statement LOCK, in the way of AccessShareLock on public.orders)",
        ),
        (
            Blocker(pid=0, kind=PREPARED, owner="shop", state_seconds=120.0, withholds=TO_READ),
            "(prepared for 2 min, in the way of AccessShareLock on public.orders)",
        ),
        (
            Blocker(pid=33, kind=AUTOVACUUM, withholds=TO_READ),
            "pid 33, autovacuum, in the way of AccessShareLock on public.orders,",
        ),
        (stranger(900, withholds=ON_ROW), "idle in transaction for 90 s),"),
    ],
)
def test_whoever_stands_in_front_is_told_with_what_others_want_of_it(front: Blocker, words: str) -> None:
    assert words in left_to_people(behind(front))


def test_an_aborted_transaction_is_a_root_as_well() -> None:
    root = leaked(state="idle in transaction (aborted)")

    assert first(three_levels(root)).sessions == (root,)


def test_instances_that_nobody_asked_make_a_person_decide() -> None:
    look = three_levels(leaked())
    full = scenes.scraped(scenes.pool(waiters=4))
    step = decide(look.model_copy(update={"metrics": scenes.metrics(full, unexpected=("web-9",))})).step

    assert isinstance(step, Proposal)
    assert step.permission is Permission.APPROVAL


@pytest.mark.parametrize(("locked", "is_queue"), [(3, True), (2, False)])
def test_thirty_percent_of_the_working_sessions_make_a_queue(locked: int, is_queue: bool) -> None:
    root = leaked()
    look = queue([root, *queued(locked, ROOT), *busy(9 - locked)], [seen(root)])

    assert (first(look).cause is Cause.LOCK) is is_queue


def test_strangers_and_idle_sessions_do_not_count_as_working() -> None:
    root = leaked()
    others = [session(800 + number, 1.0, "idle") for number in range(20)]
    look = queue([root, *queued(3, ROOT), *busy(6), *others], [seen(root)])

    assert first(look).sessions == (root,)


def test_a_free_pool_has_no_queue() -> None:
    root = leaked()
    free = scenes.pool(4)
    look = queue(
        [root, *queued(3, ROOT)],
        [seen(root)],
        application=scenes.application(scenes.page(free)),
        metrics=scenes.metrics(scenes.scraped(free)),
    )

    assert first(look).cause is Cause.HEALTHY


def test_a_root_that_is_not_old_enough_is_looked_at_again_when_it_will_be() -> None:
    look = three_levels(leaked(seconds=20.0))

    found, step = first(look), decide(look).step

    assert found.sessions == ()
    assert found.ripe_in == timedelta(seconds=10)
    assert isinstance(step, LookAgain)


def test_a_root_that_was_another_one_before_is_looked_at_again() -> None:
    look = three_levels(leaked())
    moved = leaked(seconds=70.0)

    assert first(look, before(three_levels(moved))).ripe_in == policy().pace.settle


def test_a_root_that_has_only_just_begun_to_idle_is_left_to_people() -> None:
    assert "not for long enough" in left_to_people(three_levels(leaked(seconds=1.0)))


@pytest.mark.parametrize(
    "names",
    [
        {"usename": "billing"},
        {"application_name": "nightly", "usename": "shop"},
        {"datname": "ledger", "usename": "shop", "application_name": "shop-api"},
    ],
    ids=lambda names: next(iter(names)),
)
def test_a_foreign_root_is_told_and_never_ended(names: dict[str, str]) -> None:
    front = stranger(900, seconds=400.0, **names)

    told = left_to_people(behind(front))

    assert "16 of them wait behind pid 900" in told
    assert "idle in transaction for 6 min 40 s" in told
    assert "its owner decides" in told


def test_a_session_without_a_name_is_told_as_such() -> None:
    told = left_to_people(behind(stranger(900, application_name="", usename="dba")))

    assert "pid 900 (no application name, dba, idle in transaction for 90 s)" in told


def test_an_own_root_that_works_is_left_to_people() -> None:
    root = session(ROOT, 300.0, "active")

    assert "at work" in left_to_people(queue([root, *queued(16, ROOT)], [seen(root)]))


@pytest.mark.parametrize(
    ("front", "words"),
    [
        (Blocker(pid=0, kind=PREPARED, owner="shop", state_seconds=120.0), "prepared transaction of shop"),
        (Blocker(pid=0, kind=PREPARED), "prepared transaction of an unknown role (prepared for an unknown"),
        (Blocker(pid=33, kind=AUTOVACUUM, prevents_wraparound=True), "autovacuum to prevent wraparound"),
        (Blocker(pid=33, kind=AUTOVACUUM), "pid 33, autovacuum,"),
        (Blocker(pid=33, kind="walsender"), "pid 33, walsender"),
        (Blocker(pid=33, kind=GONE), "pid 33, gone meanwhile"),
    ],
    ids=lambda value: value.kind if isinstance(value, Blocker) else "",
)
def test_what_is_no_session_of_an_application_is_left_to_people(front: Blocker, words: str) -> None:
    assert words in left_to_people(behind(front))


def test_a_front_of_which_nothing_was_read_is_left_to_people() -> None:
    assert "pid 44, of which nothing else is known" in left_to_people(queue(queued(16, 44), []))


@pytest.mark.parametrize(
    "protected", [{"in_progress": "pg_stat_progress_copy"}, {"wait_event": "SyncRep"}], ids=str
)
def test_a_protected_root_is_left_to_people(protected: dict[str, Any]) -> None:
    left_to_people(three_levels(leaked(**protected)))


def test_a_circle_has_no_front() -> None:
    look = queue([waiting(201, 202), waiting(202, 201), waiting(203, 201)], [])

    assert "in a circle" in left_to_people(look)


def test_without_the_blockers_nobody_is_ended() -> None:
    root = leaked()
    unread = Unavailable(reason="canceling statement due to statement timeout")

    told = left_to_people(queue([root, *queued(16, ROOT)], unread))

    assert "could not be read in full: canceling statement due to statement timeout" in told


def test_without_the_sessions_there_is_no_queue() -> None:
    found = first(scenes.evidence(database=scenes.GONE))

    assert found.cause is Cause.UNKNOWN
    assert (
        "Whether sessions queue behind a lock cannot be told: the sessions could not be read."
        in found.reasons
    )
