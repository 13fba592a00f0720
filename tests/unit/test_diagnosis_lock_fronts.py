"""Several in front of a lock queue, changes of a table in it, and what the policy says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import scenes
from tests.unit.diagnoses import first
from tests.unit.lock_queues import left_to_people, three_levels
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
from tests.unit.scenes import policy, target
from workflows import limits
from workflows.diagnosis import diagnose
from workflows.models.blocker import PREPARED, Blocker
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.plan import HandOver, Proposal, Termination
from workflows.models.policy import Permission, Policy
from workflows.models.target import Target
from workflows.ownership import can_be_leaked


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
