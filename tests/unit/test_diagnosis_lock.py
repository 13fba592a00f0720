"""Lock queues: who stands in front, who of them may be ended, and who never."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import scenes
from tests.unit.diagnoses import first
from tests.unit.plans import decide
from tests.unit.queues import (
    ROOT,
    blockers_in,
    busy,
    change,
    leaked,
    queue,
    queued,
    reading_in,
    seen,
    stranger,
    waiting,
)
from tests.unit.scenes import before, policy, session, target
from workflows import limits
from workflows.diagnosis import diagnose
from workflows.models.blocker import AUTOVACUUM, GONE, PREPARED, Blocker
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.plan import HandOver, LookAgain, Proposal, Termination
from workflows.models.policy import Permission, Policy
from workflows.models.reading import Unavailable
from workflows.models.session import Session
from workflows.models.target import Target
from workflows.ownership import can_be_leaked


def three_levels(root: Session, *others: Blocker) -> Evidence:
    """Sixteen behind the root: one of them directly, four behind that one, the rest behind all of these."""
    head = waiting(201, root.identity.pid)
    second = queued(4, 201, first=202)
    third = queued(11, 201, 202, 203, 204, 205, first=206)
    sessions = [root, head, *second, *third]
    return queue(sessions, [seen(root), *(seen(each) for each in (head, *second)), *others])


def behind(front: Blocker, count: int = 16, others: int = 0) -> Evidence:
    """So many sessions of the target's own behind somebody else, and some that only work."""
    return queue([*queued(count, front.pid), *busy(others)], [front])


def left_to_people(look: Evidence) -> str:
    """The reasons of the lock queue that is handed over."""
    found, step = first(look), decide(look).step
    assert found.cause is Cause.LOCK
    assert found.sessions == ()
    assert isinstance(step, HandOver), step
    return " ".join(found.reasons)


# the root


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


# its age


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


# others in front


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
    assert "No lock queue: the sessions could not be read." in found.reasons


# several in front


def test_of_two_roots_the_one_with_most_behind_it_comes_first() -> None:
    small, large = leaked(100, 500.0), leaked(101)
    look = queue([small, large, *queued(6, 100), *queued(7, 101, first=300)], [seen(small), seen(large)])

    assert first(look).sessions == (large,)
    assert first(look).reasons[1].startswith("7 of them wait behind pid 101")
    assert first(look).reasons[2].startswith("6 of them wait behind pid 100")


def test_two_roots_that_hold_the_same_sessions_up_are_left_to_people() -> None:
    one, other = leaked(100), leaked(101)
    look = queue([one, other, *queued(12, 100, 101)], [seen(one), seen(other)])

    left_to_people(look)


@pytest.mark.parametrize("front", [stranger(900), Blocker(pid=0, kind=PREPARED, owner="shop")])
def test_a_root_that_shares_its_place_with_somebody_else_is_left_to_people(front: Blocker) -> None:
    root = leaked()
    look = queue([root, *queued(12, ROOT, front.pid)], [seen(root), front])

    left_to_people(look)


def test_a_stranger_with_more_behind_it_is_told_first() -> None:
    root, other = leaked(), stranger(900)
    look = queue([root, *queued(4, ROOT), *queued(9, 900, first=300)], [seen(root), other])

    assert "9 of them wait behind pid 900" in left_to_people(look)


def test_a_stranger_that_waits_itself_is_not_the_root() -> None:
    root = leaked()
    between = stranger(900, state="active", wait_event_type="Lock", blocked_by=(ROOT,))
    look = queue([root, *queued(16, 900)], [seen(root), between])

    assert first(look).sessions == (root,)


# a change of a table in the queue


def test_the_reader_in_front_of_a_waiting_change_is_no_root() -> None:
    reader = leaked()
    look = queue([reader, *queued(16, 500)], [seen(reader), change(500, ROOT)])

    assert Cause.LOCK not in {found.cause for found in diagnose(look, None, target(), policy()).findings}
    step = decide(look).step
    assert not (isinstance(step, Proposal) and isinstance(step.act, Termination))


def test_a_root_is_judged_by_those_that_no_change_holds_up() -> None:
    root, reader = leaked(), leaked(101)
    sessions = [root, reader, *queued(8, ROOT), *queued(6, 500, first=300)]
    look = queue(sessions, [seen(root), seen(reader), change(500, 101)])

    assert first(look).sessions == (root,)


def test_those_that_a_change_holds_up_do_not_count_for_the_reader_before_it() -> None:
    root, reader = leaked(), leaked(101)
    direct = [*queued(8, ROOT), *queued(4, 101, first=300)]
    look = queue(
        [root, reader, *direct, *queued(8, 500, first=400)], [seen(root), seen(reader), change(500, 101)]
    )

    assert first(look).sessions == (root,)


# what the policy and the target say


@pytest.mark.parametrize(
    ("subject", "rules"),
    [
        (scenes.with_database(target(), transaction_pooler=True), policy()),
        (target(), policy(options={"restart": "alone"})),
        (target(), policy(limits={"share_of_sessions": 0.01})),
    ],
    ids=["pooler", "never", "share"],
)
def test_what_may_not_be_ended_goes_to_people(subject: Target, rules: Policy) -> None:
    assert isinstance(decide(three_levels(leaked()), subject=subject, rules=rules).step, HandOver)


def test_a_server_that_does_not_let_us_goes_to_people() -> None:
    root = leaked()

    decided = decide(queue([root, *queued(16, ROOT)], [seen(root)], {"can_terminate": False}))

    assert isinstance(decided.step, HandOver)
    assert "does not let poolmedic end sessions" in decided.left_out[0]


def test_a_root_that_nobody_waits_behind_any_more_is_beyond_the_limits() -> None:
    root = leaked()
    step = decide(three_levels(root)).step
    assert isinstance(step, Proposal)

    assert limits.excess(step, three_levels(root), target(), policy()) is None
    refusal = limits.excess(step, queue([root, *busy(16)], []), target(), policy())
    assert refusal is not None
    assert "nobody of the application waits behind it any more" in refusal


# anything


@st.composite
def tangles(draw: st.DrawFn) -> Evidence:
    """Any sessions, each behind any that came before it or strangers, who wait for nobody or for 100."""
    sessions = [leaked(100, draw(st.sampled_from((5.0, 90.0))))]
    for pid in range(101, 110):
        ahead = draw(st.sets(st.sampled_from([*range(100, pid), 110, 111, 112]), max_size=2))
        idle = leaked(pid, draw(st.sampled_from((5.0, 90.0))), has_written=draw(st.booleans()))
        sessions.append(waiting(pid, *ahead) if ahead else idle)
    kinds = (
        stranger,
        lambda pid: change(pid, 100),
        lambda pid: stranger(pid, wait_event_type="Lock", blocked_by=(100,)),
    )
    strangers = [draw(st.sampled_from(kinds))(pid) for pid in range(110, 113)]
    return queue(sessions, [*(seen(each, blocked_by=()) for each in sessions), *strangers])


def freed_by(pid: int, look: Evidence) -> int:
    """How many own sessions wait for nobody any more once this one is gone: walked session by session."""
    sessions = reading_in(look).sessions
    ahead = {each.pid: set(each.blocked_by) for each in blockers_in(look)}
    ahead |= {each.identity.pid: set(each.blocked_by) for each in sessions}
    waiters = {each.identity.pid for each in sessions if each.blocked_by}
    gone = {pid}
    while released := {each for each in ahead if each not in gone and ahead[each] and ahead[each] <= gone}:
        gone |= released
    return len(waiters & gone)


@given(look=tangles())
def test_whoever_is_ended_for_a_queue_is_own_idle_and_frees_half_of_it(look: Evidence) -> None:
    step = decide(look).step
    if not isinstance(step, Proposal) or step.cause is not Cause.LOCK:
        return
    assert isinstance(step.act, Termination)
    (identity,) = step.act.sessions
    found = {each.identity: each for each in reading_in(look).sessions}
    waiters = [each for each in found.values() if each.blocked_by]
    assert can_be_leaked(found[identity], target())
    assert found[identity].state_seconds > 30
    assert step.permission is Permission.APPROVAL or not found[identity].loses_something
    assert freed_by(identity.pid, look) * 4 >= len(waiters)
