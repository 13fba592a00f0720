"""The next step: least disruption first, knowing what was tried; never more than the policy allows."""

from collections.abc import Sequence
from datetime import timedelta
from math import floor
from typing import Any

import pytest
from hypothesis import given, settings

from tests.unit import arbitrary, scenes
from tests.unit.scenes import (
    GONE,
    NOW,
    STARTED,
    evidence,
    known,
    page,
    policy,
    pool,
    scraped,
    sessions,
    target,
)
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus, Touched
from workflows.models.plan import (
    HandOver,
    Healthy,
    LookAgain,
    Plan,
    Proposal,
    Resize,
    Restart,
    Step,
    Termination,
)
from workflows.models.policy import Mode, Option, Permission, Policy
from workflows.models.reading import Known
from workflows.models.session import Session
from workflows.models.target import Target
from workflows.ownership import can_be_leaked
from workflows.plan import plan
from workflows.readings import pools_of
from workflows.slots import fits, left_for_us, ours, spare_per_instance

AGO = NOW - timedelta(minutes=1)
NO_RELOAD = target(reload=None)


def decide(
    look: Evidence,
    *attempts: Attempt,
    subject: Target | None = None,
    rules: Policy | None = None,
    previous: Evidence | None = None,
) -> Plan:
    chosen, allowed = subject or target(), rules or policy()
    return plan(diagnose(look, previous, chosen, allowed), look, attempts, chosen, allowed, NOW)


def proposed(decided: Plan) -> Proposal:
    assert isinstance(decided.step, Proposal), decided
    return decided.step


def terminated(decided: Plan) -> Termination:
    act = proposed(decided).act
    assert isinstance(act, Termination)
    return act


def restarted(decided: Plan) -> Restart:
    act = proposed(decided).act
    assert isinstance(act, Restart)
    return act


def resized(decided: Plan) -> Resize:
    act = proposed(decided).act
    assert isinstance(act, Resize)
    return act


def tried(
    proposal: Proposal,
    status: OutcomeStatus = OutcomeStatus.DONE,
    helped: bool | None = False,
    at: Any = AGO,
    changed: int = 0,
    by: str = "poolmedic",
) -> Attempt:
    touched = tuple(
        Touched(what=f"session {number}", changed=True, result="ended") for number in range(changed)
    )
    return Attempt(
        proposal=proposal,
        decided_by=by,
        at=at,
        outcome=Outcome(status=status, touched=touched, detail="what happened"),
        helped=helped,
    )


def leak_of(found: list[Session], total: int = 20, **server: Any) -> Evidence:
    return evidence(database=scenes.database(found, total=total, **server))


def undersized_look(**changes: Any) -> Evidence:
    full = pool(waiters=4)
    fields = {
        "metrics": scenes.metrics(scraped(full, full_seconds=known(400.0))),
        "database": scenes.database(sessions(20, 0.0, "active")),
        **changes,
    }
    return evidence(**fields)


def spike_look() -> Evidence:
    return undersized_look(metrics=scenes.metrics(scraped(pool(waiters=4)), request_rate=known(150.0)))


def free_look(active: int = 4, found: Sequence[Session] = ()) -> Evidence:
    state = pool(active)
    return evidence(
        application=scenes.application(page(state)),
        metrics=scenes.metrics(scraped(state)),
        database=scenes.database(list(found), total=20),
    )


FIRST_WAVE = proposed(decide(evidence()))
RESTART = proposed(decide(evidence(database=scenes.database(sessions(18), can_terminate=False))))
RESIZE = proposed(decide(undersized_look()))


# steps that are no act


def test_a_free_pool_is_verified() -> None:
    decided = decide(free_look())

    assert isinstance(decided.step, Healthy)
    assert decided.step.why.startswith("No pool is above 95.0 %")


def test_a_suspicion_waits_as_long_as_it_takes_to_be_certain() -> None:
    decided = decide(leak_of([scenes.session(pid, 12) for pid in range(18)]))

    assert isinstance(decided.step, LookAgain)
    assert decided.step.after == timedelta(seconds=18)
    assert "certain or dismissed in 18 s" in decided.step.why


def test_what_is_unknown_goes_to_people_with_what_is_missing() -> None:
    decided = decide(evidence(database=GONE, containers=GONE))

    assert decided.step == HandOver(
        reason="no known cause fits; could not be read: container of web-1, database"
    )
    assert decided.left_out == ()


def test_lost_capacity_goes_to_people() -> None:
    look = undersized_look(
        application=scenes.application(page(pool(10, 10, waiters=3))),
        database=scenes.database([], total=10),
    )

    assert decide(look).step == HandOver(
        reason="instances or connections are missing, which a restart would not bring back"
    )


def test_people_are_called_in_the_same_words_whatever_the_numbers() -> None:
    looks = [undersized_look(database=scenes.database([], foreign=foreign)) for foreign in (90, 91)]

    assert len({decide(look).left_out for look in looks}) == 2
    assert len({decide(look).step.model_dump_json() for look in looks}) == 1


# terminate


def test_a_leak_is_ended_in_a_wave_oldest_first() -> None:
    proposal = proposed(decide(evidence()))

    assert [each.pid for each in terminated(decide(evidence())).sessions] == list(range(100, 110))
    assert (proposal.cause, proposal.permission) == (Cause.LEAK, Permission.ALONE)
    assert proposal.effect.startswith(
        "End 10 sessions of shop in shop (shop-api, idle in transaction, for 99 s to 108 s), "
        "each only if it is still exactly as seen: pid 100, 101, 102"
    )
    assert proposal.effect.endswith(" 8 leaked sessions would be left for after a look.")
    assert proposal.why.startswith("18 sessions idle in transaction")
    assert proposal.risk == (
        "Their transactions are rolled back; code that still uses one of them gets an error."
    )


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        ({"sessions_per_act": 3}, 3),
        ({"sessions_per_act": 50}, 18),
        ({"share_of_sessions": 0.2}, 4),
        ({"share_of_sessions": 0.24}, 4),
        ({"sessions_per_act": 2, "share_of_sessions": 0.5}, 2),
    ],
)
def test_a_wave_keeps_to_count_and_share(limits: dict[str, Any], count: int) -> None:
    assert len(terminated(decide(evidence(), rules=policy(limits=limits))).sessions) == count


def test_a_share_that_allows_no_session_at_all_leaves_it_out() -> None:
    decided = decide(evidence(), rules=policy(limits={"share_of_sessions": 0.01}))

    assert isinstance(proposed(decided).act, Restart)
    assert decided.left_out == (
        "End leaked sessions: the policy's share of the sessions allows none at once.",
    )


def test_those_that_have_written_wait_until_the_others_are_ended() -> None:
    written = [scenes.session(pid, 300, has_written=True) for pid in range(1, 10)]

    mixed = proposed(decide(leak_of(written + sessions(9))))
    only = proposed(decide(leak_of(written)))

    assert mixed.permission is Permission.ALONE
    assert isinstance(mixed.act, Termination)
    assert all(each.pid >= 100 for each in mixed.act.sessions)
    assert only.permission is Permission.APPROVAL
    assert "9 (has written)" in only.effect
    assert only.risk.endswith("The uncommitted changes of 1, 2, 3, 4, 5, 6, 7, 8, 9 (pid) are lost.")


def test_an_advisory_lock_needs_the_same_approval_and_is_named_on_its_own() -> None:
    holders = [scenes.session(pid, 300, holds_advisory_lock=True) for pid in range(1, 10)]

    mixed = proposed(decide(leak_of(holders + sessions(9))))
    only = proposed(decide(leak_of(holders)))
    restart = proposed(decide(leak_of(holders, can_terminate=False)))

    assert mixed.permission is Permission.ALONE
    assert isinstance(mixed.act, Termination)
    assert all(each.pid >= 100 for each in mixed.act.sessions)
    assert only.permission is Permission.APPROVAL
    assert "9 (holds an advisory lock)" in only.effect
    assert only.risk.endswith(
        "The advisory locks of 1, 2, 3, 4, 5, 6, 7, 8, 9 (pid) are free for others at once."
    )
    assert "changes" not in only.risk
    assert (restart.act.option, restart.permission) == (Option.RESTART, Permission.APPROVAL)


def test_where_all_need_approval_the_oldest_come_first_whether_they_have_written_or_not() -> None:
    written = [scenes.session(pid, 300, has_written=True) for pid in range(1, 5)]
    rules = policy(mode=Mode.APPROVE)

    proposal = proposed(decide(leak_of(written + sessions(9)), rules=rules))

    assert proposal.permission is Permission.APPROVAL
    assert isinstance(proposal.act, Termination)
    assert [each.pid for each in proposal.act.sessions] == [1, 2, 3, 4, *range(100, 106)]


def test_observe_computes_the_same_proposal() -> None:
    observed = proposed(decide(evidence(), rules=policy(mode=Mode.OBSERVE)))

    assert observed == proposed(decide(evidence()))


@pytest.mark.parametrize(
    ("look", "subject", "options", "words"),
    [
        (evidence(), target(), {"restart": "alone"}, "the policy never allows it"),
        (
            evidence(),
            scenes.with_database(target(), transaction_pooler=True),
            {"terminate": "alone", "restart": "alone"},
            "behind a transaction pooler",
        ),
        (
            leak_of(sessions(18), can_terminate=False),
            target(),
            {"terminate": "alone", "restart": "alone"},
            "does not let poolmedic end sessions of shop",
        ),
    ],
    ids=["never", "pooler", "no right"],
)
def test_where_no_session_may_be_ended_the_next_option_is_a_restart(
    look: Evidence, subject: Target, options: dict[str, str], words: str
) -> None:
    decided = decide(look, subject=subject, rules=policy(options=options))

    assert isinstance(proposed(decided).act, Restart)
    (reason,) = decided.left_out
    assert words in reason


def test_what_needs_approval_is_left_out_where_nobody_may_give_it() -> None:
    rules = policy(approval={}, options={"terminate": "alone", "restart": "alone"})
    look = leak_of([scenes.session(pid, 300, has_written=True) for pid in range(1, 10)])

    decided = decide(look, rules=rules)

    assert decided.step == HandOver(reason="connections leak, and no option is left")
    assert [each.split(":")[0] for each in decided.left_out] == ["terminate", "restart"]
    assert "approval.approvers names nobody" in decided.left_out[0]
    assert isinstance(decide(look, rules=rules.model_copy(update={"mode": Mode.OBSERVE})).step, Proposal)


# terminate again


def test_the_rest_of_the_wave_follows_even_if_the_pool_was_not_free_yet() -> None:
    rest = sessions(18)[10:]
    attempt = tried(FIRST_WAVE, changed=10)

    act = terminated(decide(leak_of(rest, total=18), attempt))

    assert {each.pid for each in act.sessions} == set(range(110, 118))


def test_a_wave_that_did_not_help_and_left_only_new_leaks_is_not_repeated() -> None:
    new = [scenes.session(pid, 40) for pid in range(300, 315)]
    decided = decide(leak_of(new), tried(FIRST_WAVE, changed=10))

    assert isinstance(proposed(decided).act, Restart)
    assert decided.left_out == (
        "End leaked sessions: it did not help at 02:59:00, and nothing of what was leaked then is left.",
    )


@pytest.mark.parametrize(
    ("status", "helped"),
    [(OutcomeStatus.DONE, True), (OutcomeStatus.DONE, None), (OutcomeStatus.NOTHING, False)],
)
def test_a_wave_that_helped_or_touched_nothing_may_be_followed_by_another(
    status: OutcomeStatus, helped: bool | None
) -> None:
    new = [scenes.session(pid, 40) for pid in range(300, 315)]

    assert terminated(decide(leak_of(new), tried(FIRST_WAVE, status, helped))).sessions


def test_a_lost_attempt_is_tried_again_on_what_is_still_there() -> None:
    act = terminated(decide(evidence(), tried(FIRST_WAVE, OutcomeStatus.UNKNOWN)))

    assert [each.pid for each in act.sessions] == list(range(100, 110))


def test_sessions_that_outlived_their_ending_are_not_signalled_again() -> None:
    act = terminated(decide(evidence(), tried(FIRST_WAVE, OutcomeStatus.PARTLY)))

    assert [each.pid for each in act.sessions] == list(range(110, 118))


def test_where_only_such_sessions_are_left_the_next_option_comes() -> None:
    decided = decide(leak_of(sessions(18)[:10]), tried(FIRST_WAVE, OutcomeStatus.PARTLY))

    assert isinstance(proposed(decided).act, Restart)


@pytest.mark.parametrize(("count", "option"), [(2, Option.TERMINATE), (3, Option.RESTART)])
def test_attempts_are_counted(count: int, option: Option) -> None:
    attempts = [tried(FIRST_WAVE, OutcomeStatus.NOTHING) for _ in range(count)]

    decided = decide(evidence(), *attempts)

    assert proposed(decided).act.option is option
    if option is Option.RESTART:
        assert "tried 3 times, as often as the policy allows" in decided.left_out[0]


def test_an_act_that_failed_is_not_repeated() -> None:
    decided = decide(evidence(), tried(FIRST_WAVE, OutcomeStatus.FAILED))

    assert isinstance(proposed(decided).act, Restart)
    assert "it failed at 02:59:00 (what happened)" in decided.left_out[0]


def test_slots_that_the_pool_did_not_take_back_lead_to_a_restart() -> None:
    look = leak_of(sessions(18)[10:], total=10)

    decided = decide(look, tried(FIRST_WAVE, changed=10), previous=scenes.before(evidence()))

    assert isinstance(proposed(decided).act, Restart)
    assert "the pool did not take the slots back: it counts 10 connections more" in decided.left_out[0]


def test_a_refusal_is_not_gone_around() -> None:
    refused = tried(FIRST_WAVE, OutcomeStatus.REFUSED, None, by="ada")

    decided = decide(evidence(), refused)

    assert isinstance(decided.step, HandOver)
    assert decided.left_out == (
        "End leaked sessions: ada refused it at 02:59:00.",
        "Restart: it would end the sessions that were to be ended before, and ada refused it at 02:59:00.",
    )


# the rest of a wave when the pool is not exhausted any more


REST = sessions(18)[10:]


def test_a_wave_says_what_it_leaves_for_the_next() -> None:
    act = terminated(decide(evidence()))

    assert act.rest == tuple(session.identity for session in REST)
    assert terminated(decide(leak_of(sessions(6)))).rest == ()


@pytest.mark.parametrize("active", [2, 10, 15])
def test_the_rest_of_the_wave_is_ended_however_free_the_pool_is(active: int) -> None:
    look = free_look(active, REST)

    assert isinstance(decide(look).step, Healthy)
    act = terminated(decide(look, tried(FIRST_WAVE, helped=True)))
    assert act == Termination(sessions=tuple(session.identity for session in REST))


def test_what_was_not_leaked_when_the_pool_was_exhausted_is_no_rest() -> None:
    younger = [scenes.session(pid, 45) for pid in range(300, 305)]
    look = free_look(10, [*REST, *younger])

    assert len(terminated(decide(look, tried(FIRST_WAVE))).sessions) == len(REST)


def test_a_rest_that_did_something_meanwhile_is_none() -> None:
    moved = [scenes.session(session.identity.pid, 5) for session in REST]

    assert isinstance(decide(free_look(10, moved), tried(FIRST_WAVE)).step, Healthy)


@pytest.mark.parametrize(
    "attempt",
    [
        tried(FIRST_WAVE, OutcomeStatus.UNKNOWN),
        tried(FIRST_WAVE, at=NOW - timedelta(minutes=20)),
        tried(RESTART),
    ],
    ids=["unknown", "long ago", "not a wave"],
)
def test_only_a_wave_under_way_is_continued(attempt: Attempt) -> None:
    assert isinstance(decide(free_look(15, REST), attempt).step, Healthy)


@pytest.mark.parametrize(
    ("rules", "rest", "reason"),
    [
        (policy(options={"restart": "alone"}), REST, "End leaked sessions: the policy never allows it."),
        (policy(mode="approve"), REST, "terminate: the pool is free without it, and it would need approval."),
        (
            policy(),
            sessions(18, has_written=True)[10:],
            "terminate: the pool is free without it, and it would need approval.",
        ),
    ],
    ids=["never", "asked", "has written"],
)
def test_a_rest_that_may_not_be_ended_alone_is_told_and_verified(
    rules: Policy, rest: list[Session], reason: str
) -> None:
    decided = decide(free_look(10, rest), tried(FIRST_WAVE), rules=rules)

    assert isinstance(decided.step, Healthy)
    assert decided.left_out[0].startswith(reason)


def test_the_waves_of_one_leak_are_one_try() -> None:
    leaked = sessions(48)
    waves = [
        tried(
            FIRST_WAVE.model_copy(
                update={
                    "act": Termination(
                        sessions=tuple(each.identity for each in leaked[start : start + 10]),
                        rest=tuple(each.identity for each in leaked[start + 10 :]),
                    )
                }
            )
        )
        for start in (0, 10, 20)
    ]

    act = terminated(decide(leak_of(leaked[30:], total=20), *waves))

    assert [each.pid for each in act.sessions] == list(range(130, 140))


# restart


def test_a_restart_names_exactly_what_it_restarts() -> None:
    assert RESTART.act == Restart(
        instance="web-1", container="shop-1", container_id=f"{1:064x}", started_at=STARTED
    )
    assert RESTART.permission is Permission.ALONE
    assert RESTART.effect == (
        "Restart the container shop-1 of web-1 (000000000000, running since 2026-02-28 22:00:00 UTC) and "
        "wait for its health page: all 20 connections of its pool are closed."
    )
    assert "does not end within 10 s fails" in RESTART.risk


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


def two_look(first: int = 20, second: int = 20, **changes: Any) -> Evidence:
    states = pool(first, waiters=1), pool(second, waiters=2)
    fields = {
        "application": scenes.application(*(page(state) for state in states)),
        "metrics": scenes.metrics(*(scraped(state) for state in states)),
        "containers": scenes.containers(scenes.container(1), scenes.container(2)),
        "database": scenes.database(sessions(36), total=40, can_terminate=False),
        **changes,
    }
    return evidence(**fields)


def test_one_instance_at_a_time_and_only_an_exhausted_one() -> None:
    two = target(instances=2)

    assert restarted(decide(two_look(2), subject=two)).instance == "web-2"
    assert restarted(decide(two_look(20, 2), subject=two)).instance == "web-1"
    assert restarted(decide(two_look(), subject=two)).instance == "web-2"


def test_the_next_instance_follows_where_a_restart_did_not_help() -> None:
    two = target(instances=2)
    first = proposed(decide(two_look(), subject=two))
    fresh = scenes.containers(scenes.container(1), scenes.container(2, started_at=AGO))

    decided = decide(two_look(containers=fresh), tried(first), subject=two)

    assert restarted(decided).instance == "web-1"
    then = decide(two_look(containers=fresh), tried(first), tried(proposed(decided)), subject=two)
    assert isinstance(then.step, HandOver)
    assert then.left_out[-1] == (
        "Restart: web-2: a restart at 02:59:00 did not help; web-1: a restart at 02:59:00 did not help."
    )


@pytest.mark.parametrize(
    ("attempts", "started_at", "again"),
    [
        ([tried(RESTART, helped=True)], AGO, True),
        ([tried(RESTART, helped=False)], AGO, False),
        ([tried(RESTART, helped=None)], AGO, False),
        ([tried(RESTART, OutcomeStatus.NOTHING)], STARTED, True),
        ([tried(RESTART, OutcomeStatus.UNKNOWN)], STARTED, True),
        ([tried(RESTART, OutcomeStatus.UNKNOWN)], AGO, False),
        ([tried(RESTART, OutcomeStatus.FAILED)], STARTED, False),
        ([tried(RESTART, OutcomeStatus.REFUSED, None)], STARTED, False),
        ([tried(RESTART, helped=True)] * 3, AGO, False),
    ],
)
def test_a_restart_is_repeated_only_where_it_helped_or_did_not_happen(
    attempts: list[Attempt], started_at: Any, again: bool
) -> None:
    look = evidence(
        database=scenes.database(sessions(18), can_terminate=False),
        containers=scenes.containers(scenes.container(1, started_at=started_at)),
    )

    assert isinstance(decide(look, *attempts).step, Proposal) is again


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        ({"containers": GONE}, target(), "the container of web-1 could not be read"),
        (
            {},
            scenes.with_instance(target(), "web-1", container=None),
            "has no container in the configuration",
        ),
        (
            {"containers": scenes.containers(scenes.container(1, started_at=None))},
            target(),
            "the container of web-1 does not run (running)",
        ),
    ],
)
def test_without_a_running_container_there_is_no_restart(
    changes: dict[str, Any], subject: Target, words: str
) -> None:
    look = evidence(**{"database": scenes.database(sessions(18), can_terminate=False), **changes})

    decided = decide(look, subject=subject)

    assert isinstance(decided.step, HandOver)
    assert words in decided.left_out[-1]


def test_the_policy_can_forbid_restarts() -> None:
    decided = decide(leak_of(sessions(18), can_terminate=False), rules=policy(options={"terminate": "alone"}))

    assert decided.left_out[-1] == "Restart: the policy never allows it."


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


def test_where_capacity_is_lost_no_instance_is_restarted_but_a_leak_is_ended() -> None:
    two = target(instances=2)
    stopped = scenes.containers(scenes.container(1), scenes.container(2, running=False, status="exited"))
    changes = {"application": scenes.application(page(pool(waiters=4)), GONE), "containers": stopped}

    ended = decide(evidence(**changes), subject=two)
    left = decide(
        evidence(**changes, database=scenes.database(sessions(18), can_terminate=False)), subject=two
    )

    assert terminated(ended).sessions
    assert isinstance(left.step, HandOver)
    assert left.left_out[-1] == "Restart: capacity is lost already, a restart would take more."


# resize


def test_an_undersized_pool_grows_by_approval_for_a_time() -> None:
    act = RESIZE.act

    assert act == Resize(sizes={"web-1": 40}, baseline={"web-1": 20}, lasts=timedelta(hours=4))
    assert (RESIZE.cause, RESIZE.permission) == (Cause.UNDERSIZED, Permission.APPROVAL)
    assert RESIZE.effect == (
        "Set the pool of web-1 from 20 to 40 connections, for 4 h 0 min, then back to the configured size. "
        "The server has room: max_connections 100, reserved 3, others 5, left for us 92, "
        "our pools may open 20."
    )


@pytest.mark.parametrize(
    ("server", "subject", "size"),
    [
        ({"max_connections": 100}, target(), 40),
        ({"max_connections": 60}, target(), 40),
        ({"max_connections": 38}, target(), 30),
        ({"max_connections": 29}, target(), 21),
        ({"max_connections": 38, "reserved_connections": 10}, target(), 23),
        ({"max_connections": 60}, scenes.with_database(target(), others=30), 27),
        ({"max_connections": 60}, target(surge=2.0), 26),
        ({"max_connections": 38, "foreign": 8}, target(), 27),
    ],
)
def test_a_resize_keeps_to_the_server_s_free_slots(
    server: dict[str, Any], subject: Target, size: int
) -> None:
    look = undersized_look(database=scenes.database(sessions(20, 0.0, "active"), **server))

    assert resized(decide(look, subject=subject)).sizes == {"web-1": size}


def test_the_runbook_s_60_connections_do_not_fit_a_server_of_60() -> None:
    forty = scenes.with_instance(target(), "web-1", pool_size=40)
    state = pool(40, 40, waiters=5)
    look = undersized_look(
        application=scenes.application(page(state)),
        metrics=scenes.metrics(scraped(state, full_seconds=known(900.0))),
        database=scenes.database(sessions(20, 0.0, "active"), total=40, max_connections=60, foreign=1),
    )

    assert resized(decide(look, subject=forty, rules=policy(limits={"resize_factor": 1.5}))).sizes == {
        "web-1": 56
    }


def test_every_instance_grows_by_the_same_number() -> None:
    two = target(instances=2)
    look = two_look(
        metrics=scenes.metrics(scraped(full_seconds=known(900.0)), scraped(full_seconds=known(900.0))),
        database=scenes.database(sessions(20, 0.0, "active"), total=40, max_connections=69),
    )

    assert resized(decide(look, subject=two)).sizes == {"web-1": 30, "web-2": 30}


def test_an_instance_at_its_bound_or_without_a_container_stays_as_it_is() -> None:
    two = scenes.with_instance(target(instances=2), "web-2", container=None)
    look = two_look(
        metrics=scenes.metrics(scraped(full_seconds=known(900.0)), scraped(full_seconds=known(900.0))),
        database=scenes.database(sessions(20, 0.0, "active"), total=40),
    )

    assert resized(decide(look, subject=two)).sizes == {"web-1": 40}


@pytest.mark.parametrize(
    ("look", "subject", "rules", "words"),
    [
        (undersized_look(), target(), policy(options={"restart": "alone"}), "the policy never allows it"),
        (undersized_look(), NO_RELOAD, policy(), "does not say how the application takes a new size"),
        (undersized_look(containers=GONE), target(), policy(), "web-1: no running container"),
        (
            undersized_look(containers=scenes.containers(GONE)),
            target(),
            policy(),
            "web-1: no running container",
        ),
        (
            undersized_look(database=scenes.database(sessions(20, 0.0, "active"), max_connections=28)),
            target(),
            policy(),
            (
                "no free slots: max_connections 28, reserved 3, others 5, left for us 20, "
                "our pools may open 20."
            ),
        ),
        (
            undersized_look(database=scenes.database(sessions(20, 0.0, "active"), max_connections=60)),
            target(surge=3.0),
            policy(),
            "our pools may open 20 (times 3 while deploying).",
        ),
        (
            undersized_look(
                application=scenes.application(page(pool(40, 40, waiters=1))),
                database=scenes.database(sessions(20, 0.0, "active"), total=40),
            ),
            target(),
            policy(),
            "web-1 has 40 already, and the policy allows at most 2 times the configured size",
        ),
    ],
    ids=["never", "no reload", "no runtime", "no container", "no slots", "surge", "at its bound"],
)
def test_where_no_pool_can_grow_people_are_told_why(
    look: Evidence, subject: Target, rules: Policy, words: str
) -> None:
    decided = decide(look, subject=subject, rules=rules)

    assert isinstance(decided.step, HandOver)
    assert decided.step.reason.startswith("the pool is too small for the usual work")
    (reason,) = decided.left_out
    assert words in reason


@pytest.mark.parametrize(
    ("attempt", "again"),
    [
        (tried(RESIZE, helped=False), False),
        (tried(RESIZE, helped=None), True),
        (tried(RESIZE, helped=True), True),
        (tried(RESIZE, OutcomeStatus.UNKNOWN), True),
        (tried(RESIZE, OutcomeStatus.NOTHING), True),
        (tried(RESIZE, OutcomeStatus.FAILED), False),
        (tried(RESIZE, OutcomeStatus.REFUSED, None), False),
    ],
)
def test_a_resize_that_did_not_help_or_was_refused_is_not_repeated(attempt: Attempt, again: bool) -> None:
    assert isinstance(decide(undersized_look(), attempt).step, Proposal) is again


def test_a_spike_is_resized_only_by_approval_whatever_the_policy_allows_alone() -> None:
    rules = policy(options={"resize": "alone"})

    assert proposed(decide(undersized_look(), rules=rules)).permission is Permission.ALONE
    spike = proposed(decide(spike_look(), rules=rules))
    assert (spike.cause, spike.permission) == (Cause.SPIKE, Permission.APPROVAL)


# slots


def test_the_slot_arithmetic_of_several_instances_at_surge() -> None:
    three = target(instances=3, surge=1.5)
    database = scenes.database([], max_connections=200, reserved_connections=5, foreign=10).value
    maxima = ours(three, {"web-2": pool(1, 30)})

    assert maxima == {"web-1": 20, "web-2": 30, "web-3": 20}
    assert spare_per_instance(database, three, maxima) == floor((200 - 5 - 10 - 70 * 1.5) / (3 * 1.5))
    assert fits(database, three, maxima, {"web-1": 40, "web-2": 43, "web-3": 40})
    assert not fits(database, three, maxima, {"web-1": 40, "web-2": 44, "web-3": 40})


def test_own_sessions_that_no_known_pool_can_have_opened_keep_their_slots() -> None:
    database = scenes.database([], total=100, max_connections=120, foreign=0).value
    maxima = ours(target(instances=2), {})

    assert left_for_us(database, target(instances=2), maxima) == 120 - 3 - 60
    assert spare_per_instance(database, target(instances=2), maxima) == 8


@pytest.mark.parametrize(
    ("limits", "left"),
    [({}, 92), ({"role_limit": 25}, 25), ({"database_limit": 60}, 55), ({"role_limit": 500}, 92)],
)
def test_limits_of_role_and_database_leave_fewer_slots(limits: dict[str, int], left: int) -> None:
    database = scenes.database([]).value
    server = database.server.model_copy(update=limits)

    found = left_for_us(database.model_copy(update={"server": server}), target(), {"web-1": 20})

    assert found == left


def test_nothing_is_resized_while_pools_are_not_counted() -> None:
    full = pool(waiters=4)
    stranger = scenes.metrics(scraped(full, full_seconds=known(420.0)), unexpected=("web-3",))

    decided = decide(undersized_look(metrics=stranger))

    assert isinstance(decided.step, HandOver)
    assert "Resize: not in the configuration, though in the metrics: web-3." in decided.left_out


def test_a_server_that_is_full_already_has_nothing_to_spare() -> None:
    database = scenes.database([], max_connections=10).value

    assert spare_per_instance(database, target(), ours(target(), {})) == 0


# anything at all


def _check_termination(act: Termination, look: Evidence, subject: Target, rules: Policy) -> None:
    assert isinstance(look.database, Known)
    seen = {each.identity: each for each in look.database.value.sessions if can_be_leaked(each, subject)}
    assert set(act.sessions) <= set(seen)
    assert 0 < len(act.sessions) <= rules.limits.sessions_per_act
    assert len(act.sessions) <= rules.limits.share_of_sessions * look.database.value.sessions_total
    assert not subject.database.transaction_pooler
    assert look.database.value.server.can_terminate


def _check_resize(act: Resize, look: Evidence, subject: Target, rules: Policy) -> None:
    assert isinstance(look.database, Known)
    assert subject.reload is not None
    for name, size in act.sizes.items():
        configured = subject.instance(name).pool_size
        assert act.baseline[name] == configured
        assert size <= configured * rules.limits.resize_factor
    pools = {
        name: each.value for name, each in pools_of(look, subject, rules).items() if isinstance(each, Known)
    }
    assert fits(look.database.value, subject, ours(subject, pools), act.sizes)


def _check(step: Step, look: Evidence, subject: Target, rules: Policy) -> None:
    if not isinstance(step, Proposal):
        return
    assert rules.permission(step.act.option) is not Permission.NEVER
    assert step.permission in (rules.permission(step.act.option), Permission.APPROVAL)
    assert step.why
    assert step.effect
    assert step.risk
    if isinstance(step.act, Termination):
        _check_termination(step.act, look, subject, rules)
        assert isinstance(look.database, Known)
        written = {each.identity for each in look.database.value.sessions if each.loses_something}
        readers = {each.identity for each in look.database.value.sessions if not each.loses_something}
        if set(step.act.sessions) & (written - readers):
            assert step.permission is Permission.APPROVAL
    elif isinstance(step.act, Resize):
        _check_resize(step.act, look, subject, rules)
    else:
        assert subject.instance(step.act.instance).container == step.act.container


@settings(max_examples=150)
@given(
    arbitrary.evidences(),
    arbitrary.evidences(),
    arbitrary.targets(),
    arbitrary.policies(),
    arbitrary.attempts(),
)
def test_whatever_the_evidence_a_plan_keeps_to_its_limits(
    look: Evidence, previous: Evidence, subject: Target, rules: Policy, attempts: tuple[Attempt, ...]
) -> None:
    for before in (None, previous, scenes.before(look)):
        diagnosis = diagnose(look, before, subject, rules)
        decided = plan(diagnosis, look, attempts, subject, rules, NOW)
        _check(decided.step, look, subject, rules)
        assert decided == plan(diagnosis, look, attempts, subject, rules, NOW)


@settings(max_examples=150)
@given(arbitrary.evidences(), arbitrary.targets(), arbitrary.attempts())
def test_a_policy_that_allows_nothing_is_never_given_a_proposal(
    look: Evidence, subject: Target, attempts: tuple[Attempt, ...]
) -> None:
    rules = policy(options={})
    diagnosis = diagnose(look, scenes.before(look), subject, rules)

    assert not isinstance(plan(diagnosis, look, attempts, subject, rules, NOW).step, Proposal)
