"""Every criterion of a recovery has three answers, at the end of the window as well."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.scenes import GONE, NOW, known, page, pool, target
from tests.unit.verdicts import ANSWERS, MS, NAN, SINCE, I, N, R, criterion, judge, seen, window
from workflows.models.verdict import State


def test_a_quiet_window_with_traffic_is_recovered() -> None:
    verdict = judge(containers=scenes.containers(scenes.container()))

    assert verdict.state is R
    assert (verdict.since, verdict.until) == (SINCE, NOW)
    assert [(each.name, each.measured, each.limit) for each in verdict.criteria] == [
        ("pool utilization", "web-1: 41.0 % at most, web-1: 20.0 % now", "below 70.0 %"),
        ("wait for a connection (p95)", "web-1: 4 ms at most", "below 100 ms"),
        ("acquire timeouts", "web-1: 0", "none"),
        ("503 answers", "web-1: 0", "none"),
        ("application responding", "web-1: a query took 4 ms", "a query is answered"),
        ("demand", "50.0 of the usual 50.0 requests/s", "at least 50.0 % of the usual"),
        ("instances up", "web-1: up, container of web-1: running", "all 1"),
        ("alert", "does not fire", "does not fire"),
        ("readings", "web-1: 20 samples", "5 min after the fix, without a hole"),
    ]


@pytest.mark.parametrize(
    ("name", "changes", "state"),
    [
        ("pool utilization", {"utilization_max": 0.6999}, R),
        ("pool utilization", {"utilization_max": 0.70}, N),
        ("pool utilization", {"utilization_max": 1.0}, N),
        ("pool utilization", {"utilization_max": float("nan")}, I),
        ("pool utilization", {"utilization_max": float("inf")}, I),
        ("pool utilization", {"utilization_max": -0.1}, I),
        ("wait for a connection (p95)", {"wait_p95_max": known(0.0999)}, R),
        ("wait for a connection (p95)", {"wait_p95_max": known(0.1)}, N),
        ("wait for a connection (p95)", {"wait_p95_max": GONE}, I),
        ("wait for a connection (p95)", {"wait_p95_max": NAN}, I),
        ("acquire timeouts", {"timeouts": known(0.0)}, R),
        ("acquire timeouts", {"timeouts": known(0.2)}, N),
        ("acquire timeouts", {"timeouts": GONE}, I),
        ("acquire timeouts", {"timeouts": NAN}, I),
        ("acquire timeouts", {"timeouts": known(-1.0)}, I),
        ("503 answers", {"errors_503": known(1.0)}, N),
        ("503 answers", {"errors_503": GONE}, I),
        ("503 answers", {"errors_503": NAN}, I),
    ],
)
def test_each_criterion_of_the_window_has_three_answers(
    name: str, changes: dict[str, Any], state: State
) -> None:
    verdict = judge(window(seen(**changes)))

    assert criterion(verdict, name).state is state
    assert verdict.state is state


@pytest.mark.parametrize(
    ("answer", "name", "state", "words"),
    [
        (GONE, "application responding", I, "web-1: connection refused"),
        (page(pool(4), probe_seconds=GONE), "application responding", N, "a query is not answered"),
        (page(pool(4), probe_seconds=NAN), "application responding", I, "no number"),
        (page(pool(4), status="unhealthy"), "application responding", N, "it says unhealthy"),
        (page(pool(4), status=" DOWN "), "application responding", N, "it says  DOWN"),
        (page(pool(4), status="degraded"), "application responding", R, "a query took 4 ms"),
        (page(pool(14)), "pool utilization", N, "web-1: 70.0 % now"),
        (page(pool(20, waiters=3)), "pool utilization", N, "web-1: 100.0 % now"),
        (page(pool=GONE), "pool utilization", I, "the pool now: connection refused"),
        (page(pool(4), started_at=known(SINCE + MS)), "instances up", I, "inside the window"),
        (page(pool(4), started_at=known(SINCE)), "instances up", R, "web-1: up"),
        (page(pool(4), started_at=GONE), "instances up", R, "web-1: up"),
    ],
)
def test_the_look_at_the_end_counts_as_well(answer: Any, name: str, state: State, words: str) -> None:
    verdict = judge(pages=scenes.application(answer))

    assert criterion(verdict, name).state is state
    assert words in criterion(verdict, name).measured
    assert (verdict.state is R) is (state is R)


@pytest.mark.parametrize(
    "pages",
    [
        GONE,
        scenes.application(),
        scenes.application(page(pool(4)), at=NOW - timedelta(minutes=2)),
        ANSWERS.model_copy(update={"at": NOW - timedelta(minutes=2)}),
    ],
    ids=["source", "not mentioned", "old page", "old look"],
)
def test_a_look_that_says_nothing_about_now_is_inconclusive(pages: Any) -> None:
    assert judge(pages=pages).state is I


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (None, R),
        (scenes.containers(scenes.container()), R),
        (scenes.containers(scenes.container(running=False, status="exited")), N),
        (scenes.containers(GONE), I),
        (scenes.containers(), I),
        (GONE, I),
        (scenes.containers(scenes.container()).model_copy(update={"at": NOW - timedelta(hours=1)}), I),
    ],
    ids=["not asked", "running", "exited", "unread", "not mentioned", "no runtime", "old"],
)
def test_containers_where_they_were_asked_must_run(found: Any, state: State) -> None:
    verdict = judge(containers=found)

    assert criterion(verdict, "instances up").state is state
    assert verdict.state is state


def test_an_instance_without_a_container_needs_none() -> None:
    bare = scenes.with_instance(target(), "web-1", container=None)

    assert judge(subject=bare, containers=GONE).state is R


@pytest.mark.parametrize(
    ("firing", "is_resolved", "state"),
    [
        (known(False), False, State.RECOVERED),
        (known(True), False, State.NOT_RECOVERED),
        (GONE, False, State.INCONCLUSIVE),
        (known(True), True, State.RECOVERED),
        (GONE, True, State.RECOVERED),
        (None, False, State.RECOVERED),
    ],
)
def test_the_alert_itself_is_over(firing: Any, is_resolved: bool, state: State) -> None:
    assert judge(window(seen(), alert_firing=firing), is_resolved=is_resolved).state is state
