"""Which instance is restarted, once or again, and when none is."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.plans import AGO, RESTART, decide, leak_of, proposed, terminated, tried, two_look
from tests.unit.scenes import GONE, NOW, STARTED, evidence, page, policy, pool, sessions, target
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import HandOver, LookAgain, Plan, Proposal, Restart
from workflows.models.policy import Permission
from workflows.models.target import Target


def restarted(decided: Plan) -> Restart:
    act = proposed(decided).act
    assert isinstance(act, Restart)
    return act


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
        ([tried(RESTART, OutcomeStatus.NOTHING), *[tried(RESTART, helped=True)] * 2], AGO, True),
        ([tried(RESTART, OutcomeStatus.NOTHING)] * 3, AGO, False),
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


@pytest.mark.parametrize(("grace", "left"), [(49.0, None), (50.0, None), (51.0, 1), (120.0, 70)])
def test_a_restart_whose_answer_was_lost_has_its_time_to_stop_before_anything_else(
    grace: float, left: int | None
) -> None:
    """The engine goes on with it, and shows the container as it was until it has stopped."""
    look = evidence(
        database=scenes.database(sessions(18), can_terminate=False),
        containers=scenes.containers(scenes.container(1, stop_grace_seconds=grace)),
    )

    step = decide(look, tried(RESTART, OutcomeStatus.UNKNOWN, None)).step

    if left is None:
        assert isinstance(step, Proposal)
    else:
        assert isinstance(step, LookAgain)
        assert step.after == timedelta(seconds=left)
        assert "still has its time to stop" in step.why


def test_nothing_is_awaited_of_a_restart_that_was_answered_or_has_happened() -> None:
    slow = scenes.container(1, stop_grace_seconds=120.0)
    for status, container in (
        (OutcomeStatus.NOTHING, slow),
        (OutcomeStatus.UNKNOWN, slow.model_copy(update={"started_at": AGO})),
    ):
        look = evidence(
            database=scenes.database(sessions(18), can_terminate=False),
            containers=scenes.containers(container),
        )
        assert not isinstance(decide(look, tried(RESTART, status, None)).step, LookAgain)


def lost_and_silent(second: Any, ago: float = 20.0, **changes: Any) -> Plan:
    """The restart of web-2 was lost so many seconds ago, and web-2 answers nobody since; web-1 is full."""
    two = target(instances=2)
    first = proposed(decide(two_look(), subject=two))
    assert restarted(decide(two_look(), subject=two)).instance == "web-2"
    parts = {
        "application": scenes.application(page(pool(waiters=1)), GONE),
        "metrics": scenes.metrics(scenes.scraped(pool(waiters=1)), GONE),
        "containers": scenes.containers(scenes.container(1), second),
        **changes,
    }
    lost = tried(first, OutcomeStatus.UNKNOWN, None, at=NOW - timedelta(seconds=ago))
    return decide(two_look(**parts), lost, subject=two)


SLOW_TO_STOP = scenes.container(2, stop_grace_seconds=120.0)


@pytest.mark.parametrize(
    ("second", "ago", "left"),
    [
        (SLOW_TO_STOP, 20, 110),
        (SLOW_TO_STOP, 129, 1),
        (scenes.container(2), 19, 1),
        (scenes.container(2, stop_grace_seconds=3600.0), 20, 110),
        (scenes.container(2, stop_grace_seconds=float("inf")), 20, 110),
        (GONE, 20, 110),
        (GONE, 129, 1),
    ],
)
def test_no_other_instance_is_restarted_while_one_that_answers_nobody_may_still_be_stopping(
    second: Any, ago: float, left: float
) -> None:
    """It closes its listener first, and its container is said to run as before until it has ended."""
    step = lost_and_silent(second, ago).step

    assert isinstance(step, LookAgain)
    assert step.after == timedelta(seconds=left)
    assert "still has its time to stop" in step.why


@pytest.mark.parametrize(
    ("second", "ago"),
    [
        (SLOW_TO_STOP.model_copy(update={"started_at": NOW - timedelta(seconds=3)}), 20),
        (SLOW_TO_STOP, 130),
        (scenes.container(2), 20),
        (GONE, 130),
    ],
)
def test_the_next_one_follows_once_it_has_started_anew_or_its_time_is_over(second: Any, ago: float) -> None:
    assert restarted(lost_and_silent(second, ago)).instance == "web-1"


def test_no_session_is_ended_either_while_an_instance_may_still_be_stopping() -> None:
    leaked = scenes.database(sessions(36), total=40)

    assert isinstance(lost_and_silent(SLOW_TO_STOP, database=leaked).step, LookAgain)
    assert terminated(lost_and_silent(SLOW_TO_STOP, 130, database=leaked)).sessions


def test_people_are_called_for_what_is_seen_once_its_time_is_over() -> None:
    """What is missing until then is missing by its restart."""
    assert isinstance(lost_and_silent(GONE, containers=GONE).step, LookAgain)
    step = lost_and_silent(GONE, 130, containers=GONE).step

    assert isinstance(step, HandOver)
    assert step.reason.startswith("connections leak, and no option is left; could not be read: ")


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


def test_what_is_refused_to_everybody_is_left_out_with_the_reason() -> None:
    refused = "a proxy before the engine does not let through POST /containers/{id}/restart"
    barred = scenes.containers(scenes.container(), barred={"restart": refused})

    decided = decide(leak_of(sessions(18), can_terminate=False).model_copy(update={"containers": barred}))

    assert isinstance(decided.step, HandOver)
    assert f"Restart: {refused}." in decided.left_out


def test_the_policy_can_forbid_restarts() -> None:
    decided = decide(leak_of(sessions(18), can_terminate=False), rules=policy(options={"terminate": "alone"}))

    assert decided.left_out[-1] == "Restart: the policy never allows it."


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
