"""What the policy allows alone, and a person is asked about all the same."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.plans import FIRST_WAVE, decide, leak_of, proposed, tried, undersized_look
from tests.unit.scenes import NOW, evidence, known, policy, pool, scraped, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.plan import Plan, Proposal
from workflows.models.policy import Option, Permission
from workflows.plan import plan


def test_a_restart_may_not_go_around_the_approval_of_those_that_have_written() -> None:
    written = [scenes.session(pid, 300, has_written=True) for pid in range(1, 10)]

    proposal = proposed(decide(leak_of(written, can_terminate=False)))

    assert (proposal.act.option, proposal.permission) == (Option.RESTART, Permission.APPROVAL)


def test_slots_lost_without_a_session_ever_seen_are_for_a_person_to_judge() -> None:
    lost = leak_of([], total=2)
    before = scenes.before(evidence())

    unseen = proposed(decide(lost, previous=before))
    after = proposed(decide(lost, tried(FIRST_WAVE, changed=10), previous=before))

    assert (unseen.act.option, unseen.permission) == (Option.RESTART, Permission.APPROVAL)
    assert (after.act.option, after.permission) == (Option.RESTART, Permission.ALONE)


def lost_after_wave(found: int, lost: int, **changes: Any) -> Plan:
    """A wave was ended and did not help: so many leaked sessions are left, so many slots were lost."""
    look = leak_of(sessions(18)[18 - found :], total=20 - lost)
    look = look.model_copy(update=changes)
    return decide(look, tried(FIRST_WAVE, changed=10), previous=scenes.before(evidence()))


def test_a_restart_is_alone_where_the_leak_holds_the_larger_part() -> None:
    assert proposed(lost_after_wave(8, 10)).permission is Permission.ALONE
    assert proposed(lost_after_wave(0, 10)).permission is Permission.ALONE
    assert proposed(lost_after_wave(0, 9)).permission is Permission.APPROVAL


def test_a_restart_that_would_roll_back_other_work_is_asked_for() -> None:
    writer = scenes.session(150, 1.0, "active", has_written=True)
    look = scenes.database([*sessions(18)[10:], writer], total=10)

    asked = proposed(lost_after_wave(8, 10, database=look))

    assert asked.act.option is Option.RESTART
    assert asked.permission is Permission.APPROVAL


def test_a_restart_while_the_database_holds_the_work_up_is_asked_for() -> None:
    waiting = [scenes.session(pid, 1.0, "active", wait_event_type="Lock") for pid in range(150, 156)]
    look = scenes.database([*sessions(18)[14:], *waiting], total=10)

    asked = proposed(lost_after_wave(4, 10, database=look))

    assert asked.act.option is Option.RESTART
    assert asked.permission is Permission.APPROVAL


def test_under_the_hands_of_people_only_leaked_sessions_are_ended_unasked() -> None:
    def next_step(look: Evidence, **changes: Any) -> Proposal:
        found = diagnose(look, None, target(), policy())
        return proposed(plan(found, look, (), target(), policy(**changes), NOW, is_handed_over=True))

    assert next_step(evidence()).permission is Permission.ALONE
    resize = next_step(undersized_look(), options={"resize": "alone"})
    assert (resize.act.option, resize.permission) == (Option.RESIZE, Permission.APPROVAL)


def test_a_doubtful_leak_is_asked_about() -> None:
    slow = scenes.metrics(scraped(pool(waiters=4)), hold_seconds=known(4.0), usual_hold=known(0.2))

    asked = proposed(decide(evidence(metrics=slow)))

    assert asked.act.option is Option.TERMINATE
    assert asked.permission is Permission.APPROVAL
    assert "a person decides" in asked.why


def spike_look() -> Evidence:
    return undersized_look(metrics=scenes.metrics(scraped(pool(waiters=4)), request_rate=known(150.0)))


@pytest.mark.parametrize(
    ("look", "cause"), [(undersized_look(), Cause.UNDERSIZED), (spike_look(), Cause.SPIKE)]
)
def test_a_pool_is_resized_only_by_approval_whatever_the_policy_allows_alone(
    look: Evidence, cause: Cause
) -> None:
    asked = proposed(decide(look, rules=policy(options={"resize": "alone"})))

    assert (asked.act.option, asked.cause) == (Option.RESIZE, cause)
    assert asked.permission is Permission.APPROVAL
