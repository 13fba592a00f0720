"""What follows a wave: the next one, its rest when the pool is free again, or another option."""

from datetime import timedelta

import pytest

from tests.unit import scenes
from tests.unit.plans import FIRST_WAVE, RESTART, decide, free_look, leak_of, proposed, terminated, tried
from tests.unit.scenes import NOW, evidence, policy, sessions
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import HandOver, Healthy, Restart, Termination
from workflows.models.policy import Option, Policy
from workflows.models.session import Session

# another wave


def test_the_rest_of_the_wave_follows_even_if_the_pool_was_not_free_yet() -> None:
    rest = sessions(18)[10:]
    attempt = tried(FIRST_WAVE, changed=10)

    act = terminated(decide(leak_of(rest, total=18), attempt))

    assert {each.pid for each in act.sessions} == set(range(110, 118))


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_what_the_wave_left_is_known_though_the_servers_clock_is_minutes_off(minutes: int) -> None:
    rest = [
        session.model_copy(
            update={
                "identity": session.identity.model_copy(
                    update={"state_change": session.identity.state_change + timedelta(minutes=minutes)}
                )
            }
        )
        for session in sessions(18)[10:]
    ]
    assert terminated(decide(leak_of(rest, total=18), tried(FIRST_WAVE, changed=10))).sessions


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
        assert "began 3 times with nothing left to do, as often as the policy allows" in decided.left_out[0]


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
