"""Recovered only by measurements that are there, fresh and complete; bad ones outweigh missing ones."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import arbitrary, scenes
from tests.unit.scenes import GONE, NOW, known, page, policy, pool, target
from workflows.criteria import CRITERIA, worst
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.models.verdict import Criterion, InstanceWindow, State, Verdict, WindowReading
from workflows.verification import is_free, sizes, verify, would_crowd

SINCE = NOW - timedelta(minutes=5)
MS = timedelta(milliseconds=1)
NAN = known(float("nan"))
R, N, I = State.RECOVERED, State.NOT_RECOVERED, State.INCONCLUSIVE  # noqa: E741


def seen(**changes: Any) -> InstanceWindow:
    """Five quiet minutes of one instance."""
    fields = {
        "samples": 20,
        "first_at": SINCE + timedelta(seconds=5),
        "last_at": NOW - timedelta(seconds=5),
        "longest_gap_seconds": 15.0,
        "utilization_max": 0.41,
        "wait_p95_max": known(0.004),
        "timeouts": known(0.0),
        "errors_503": known(0.0),
        **changes,
    }
    return InstanceWindow.model_validate(fields)


def window(*instances: InstanceWindow | Unavailable, **changes: Any) -> Known[WindowReading]:
    """web-1, web-2, ... over the window, with traffic as usual."""
    fields = {
        "since": SINCE,
        "until": NOW,
        "instances": {
            f"web-{number}": each if isinstance(each, Unavailable) else known(each)
            for number, each in enumerate(instances, 1)
        },
        "request_rate": known(50.0),
        "usual_rate": known(50.0),
        "alert_firing": known(False),
        **changes,
    }
    return known(WindowReading.model_validate(fields))


QUIET = window(seen())
ANSWERS = scenes.application(page(pool(4)))


def judge(found: Any = QUIET, pages: Any = ANSWERS, subject: Target | None = None, **changes: Any) -> Verdict:
    facts: dict[str, Any] = {"since": SINCE, "now": NOW, **changes}
    rules = facts.pop("rules", policy())
    return verify(found, pages, subject or target(), rules, **facts)


def criterion(verdict: Verdict, name: str) -> Criterion:
    return next(each for each in verdict.criteria if each.name == name)


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


# every criterion, three-valued


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


# demand


@pytest.mark.parametrize(
    ("rate", "usual", "state", "measured"),
    [
        (known(25.0), known(50.0), R, "25.0 of the usual 50.0 requests/s"),
        (known(24.9), known(50.0), I, "24.9 of the usual 50.0 requests/s"),
        (known(0.0), known(50.0), I, "0.0 of the usual 50.0 requests/s"),
        (GONE, known(50.0), I, "connection refused"),
        (NAN, known(50.0), I, "no number"),
        (known(0.5), GONE, R, "0.5 requests/s, the usual is not known"),
        (known(0.5), NAN, R, "0.5 requests/s, the usual is not known"),
        (known(0.5), known(0.0), R, "0.5 requests/s, the usual is not known"),
        (known(0.0), GONE, I, "0.0 requests/s, the usual is not known"),
    ],
)
def test_no_traffic_proves_nothing(rate: Any, usual: Any, state: State, measured: str) -> None:
    verdict = judge(window(seen(), request_rate=rate, usual_rate=usual))

    assert criterion(verdict, "demand").state is state
    assert criterion(verdict, "demand").measured == measured
    assert verdict.state is state


def test_the_configured_usual_stands_in_for_a_measured_one() -> None:
    configured = target(usual={"request_rate": 200.0})

    assert judge(window(seen(), usual_rate=GONE), subject=configured).state is I


# freshness and completeness


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"since": SINCE - MS}, R, "20 samples"),
        ({"since": SINCE - 2 * MS}, I, "before the fix"),
        ({"since": SINCE + timedelta(seconds=1)}, I, "long, 5 min are asked for"),
        ({"since": SINCE - timedelta(minutes=2), "until": NOW - timedelta(minutes=2)}, I, "before the fix"),
    ],
)
def test_the_window_is_after_the_fix_and_long_enough(
    changes: dict[str, Any], state: State, words: str
) -> None:
    found = criterion(judge(window(seen(), **changes)), "readings")

    assert found.state is state
    assert words in found.measured


def test_a_window_that_ended_long_ago_says_nothing_about_now() -> None:
    verdict = judge(now=NOW + timedelta(minutes=3), pages=ANSWERS)

    assert "the window: it ended 3 min away from now" in criterion(verdict, "readings").measured
    assert verdict.state is I


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"samples": 16}, R, "16 samples"),
        ({"samples": 15}, I, "15 of 20 expected samples"),
        ({"samples": 0}, I, "0 of 20 expected samples"),
        ({"longest_gap_seconds": 45.0}, R, "20 samples"),
        ({"longest_gap_seconds": 45.1}, I, "nothing was seen for 45 s"),
        ({"longest_gap_seconds": float("inf")}, I, "nothing was seen"),
        ({"longest_gap_seconds": float("nan")}, I, "nothing was seen"),
        ({"first_at": SINCE + timedelta(seconds=46)}, I, "nothing was seen for 46 s"),
        ({"last_at": NOW - timedelta(seconds=46)}, I, "nothing was seen for 46 s"),
        ({"first_at": SINCE - MS}, R, "20 samples"),
        ({"first_at": SINCE - 2 * MS}, I, "its first sample is from before the fix"),
    ],
)
def test_too_few_samples_a_hole_or_old_ones_are_inconclusive(
    changes: dict[str, Any], state: State, words: str
) -> None:
    verdict = judge(window(seen(**changes)))

    assert criterion(verdict, "readings").state is state
    assert words in criterion(verdict, "readings").measured
    assert verdict.state is state


def test_a_window_that_could_not_be_read_is_inconclusive_in_every_criterion_that_rests_on_it() -> None:
    verdict = judge(GONE)

    assert verdict.state is I
    unread = {each.name for each in verdict.criteria if each.state is I}
    assert unread == {each.name for each in verdict.criteria} - {"application responding", "instances up"}
    assert criterion(verdict, "demand").measured == "connection refused"
    assert criterion(verdict, "readings").measured == "the window: connection refused"


# several instances


@pytest.mark.parametrize("other", [GONE, None], ids=["unavailable", "not mentioned"])
def test_every_configured_instance_must_be_in_the_window(other: Any) -> None:
    two = target(instances=2)
    found = window(seen(), other) if other else window(seen())
    pages = scenes.application(page(pool(4)), page(pool(4)))

    verdict = judge(found, pages, two)

    assert verdict.state is I
    assert criterion(verdict, "pool utilization").measured.startswith("web-2: ")


def test_the_worst_instance_counts_never_an_average() -> None:
    two = target(instances=2)
    pages = scenes.application(page(pool(1)), page(pool(4)))

    verdict = judge(window(seen(utilization_max=0.01), seen(utilization_max=0.71)), pages, two)

    assert verdict.state is N
    assert criterion(verdict, "pool utilization").measured == "web-2: 71.0 % at most"


def test_an_instance_nobody_configured_counts_where_it_was_seen() -> None:
    assert judge(window(seen(), seen(timeouts=known(3.0)))).state is N


def test_not_recovered_outweighs_inconclusive() -> None:
    assert judge(window(seen(timeouts=known(3.0), errors_503=GONE), request_rate=GONE), GONE).state is N


@pytest.mark.parametrize(
    ("states", "state"),
    [([], I), ([R], R), ([R, R], R), ([R, I], I), ([I, N], N), ([R, N, I], N)],
)
def test_the_worst_of_several(states: list[State], state: State) -> None:
    assert worst(states) is state


# quick looks


@pytest.mark.parametrize(
    ("answers", "free"),
    [
        ([page(pool(4)), page(pool(18))], True),
        ([page(pool(4)), page(pool(20))], False),
        ([page(pool(4)), page(pool(57, 60))], True),
        ([page(pool(4)), page(pool(57, 60, waiters=1))], False),
        ([page(pool(4)), page(pool(4), probe_seconds=GONE)], False),
        ([page(pool(4)), page(pool=GONE)], None),
        ([page(pool(4)), page(pool=GONE, probe_seconds=GONE)], False),
        ([page(pool(4)), GONE], None),
        ([page(pool(4))], None),
        ([GONE, page(pool(20))], False),
    ],
)
def test_a_quick_look_needs_every_instance_for_good_and_one_for_bad(
    answers: list[Any], free: bool | None
) -> None:
    assert is_free(scenes.application(*answers), target(instances=2), policy()) is free


def test_a_quick_look_at_nothing_cannot_tell() -> None:
    assert is_free(GONE, target(), policy()) is None
    stale = scenes.application(page(pool(4)), at=NOW - timedelta(minutes=2)).model_copy(update={"at": NOW})
    assert is_free(stale, target(), policy()) is None


@pytest.mark.parametrize(("active", "free"), [(13, True), (14, False)])
def test_a_quick_look_can_ask_for_more_than_not_exhausted(active: int, free: bool) -> None:
    pages = scenes.application(page(pool(active)))

    assert is_free(pages, target(), policy()) is True
    assert is_free(pages, target(), policy(), limit=0.7) is free


# the alert, and instances that nobody asked


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


def test_an_instance_that_nobody_asked_leaves_it_open() -> None:
    verdict = judge(window(seen(), unexpected=("web-3",)))

    assert verdict.state is State.INCONCLUSIVE
    assert "web-3" in criterion(verdict, "instances up").measured


# the size of a temporary change


def test_sizes_are_those_that_could_be_read() -> None:
    assert sizes(scenes.application(page(pool(4, 40)), page(pool=GONE), GONE)) == {"web-1": 40}
    assert sizes(GONE) == {}


@pytest.mark.parametrize(
    ("answer", "exhausts"),
    [
        (page(pool(13, 40)), False),
        (page(pool(14, 40)), True),
        (page(pool(30, 40)), True),
        (page(pool=GONE), True),
        (GONE, True),
    ],
)
def test_a_smaller_size_is_not_gone_back_to_while_more_is_needed(answer: Any, exhausts: bool) -> None:
    assert would_crowd(scenes.application(answer), {"web-1": 20}, policy()) is exhausts
    assert would_crowd(GONE, {"web-1": 20}, policy()) is True
    assert would_crowd(GONE, {}, policy()) is False


# anything at all


def _parts(verdict_input: Known[WindowReading]) -> list[Known[WindowReading]]:
    """The same window with each single part unavailable."""
    reading = verdict_input.value
    instance = reading.instances["web-1"]
    assert isinstance(instance, Known)
    broken = [
        reading.model_copy(
            update={"instances": {"web-1": known(instance.value.model_copy(update={part: GONE}))}}
        )
        for part in ("wait_p95_max", "timeouts", "errors_503")
    ]
    broken.append(reading.model_copy(update={"instances": {"web-1": GONE}}))
    broken.append(reading.model_copy(update={"instances": {}}))
    broken.append(reading.model_copy(update={"request_rate": GONE}))
    return [known(each) for each in broken]


def test_with_any_part_of_the_window_unavailable_it_is_never_recovered() -> None:
    assert judge().state is R
    assert [judge(each).state for each in _parts(QUIET)] == [I] * 6


@settings(max_examples=150)
@given(
    arbitrary.readings(arbitrary.windows()),
    arbitrary.readings(arbitrary.applications(arbitrary.quiet_pools())),
    st.none() | arbitrary.readings(arbitrary.containers()),
    arbitrary.targets(),
)
def test_whatever_was_read_recovered_has_every_measurement(
    found: Any, pages: Any, containers: Any, subject: Target
) -> None:
    verdict = judge(found, pages, subject, containers=containers)

    assert len(verdict.criteria) == len(CRITERIA)
    assert verdict.state is worst(each.state for each in verdict.criteria)
    if verdict.state is R:
        assert isinstance(found, Known)
        assert isinstance(pages, Known)
        assert containers is None or isinstance(containers, Known)
        for instance in subject.instances:
            during, now = found.value.instances[instance.name], pages.value.instances[instance.name]
            assert isinstance(during, Known)
            assert isinstance(now, Known)
            assert during.value.timeouts == during.value.timeouts.model_copy(update={"value": 0.0})
            assert during.value.utilization_max < 0.7
            assert isinstance(now.value.probe_seconds, Known)


RANK = {N: 0, I: 1, R: 2}
SMALL = st.floats(0, 2)


@settings(max_examples=200)
@given(SMALL, SMALL, SMALL, SMALL, st.integers(0, 20), st.floats(0, 100), st.data())
def test_a_worse_reading_never_improves_the_verdict(
    utilization: float,
    wait: float,
    timeouts: float,
    errors: float,
    active: int,
    rate: float,
    data: st.DataObject,
) -> None:
    more = st.floats(0, 3)

    def state(worse: dict[str, float]) -> State:
        found = window(
            seen(
                utilization_max=utilization + worse.get("utilization", 0),
                wait_p95_max=known(wait / 10 + worse.get("wait", 0)),
                timeouts=known(float(timeouts > 1) + worse.get("timeouts", 0)),
                errors_503=known(float(errors > 1) + worse.get("errors", 0)),
                longest_gap_seconds=15 + worse.get("gap", 0) * 20,
                samples=20 - int(worse.get("samples", 0) * 4),
            ),
            request_rate=known(max(rate - worse.get("rate", 0) * 20, 0)),
        )
        return judge(
            found, scenes.application(page(pool(min(20, active + int(worse.get("active", 0) * 5)))))
        ).state

    names = ("utilization", "wait", "timeouts", "errors", "gap", "samples", "rate", "active")
    worse = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, more)))

    assert RANK[state(worse)] <= RANK[state({})]


@settings(max_examples=100)
@given(arbitrary.readings(arbitrary.applications()), arbitrary.targets())
def test_whatever_was_read_free_means_that_every_instance_answered(pages: Any, subject: Target) -> None:
    if is_free(pages, subject, policy()):
        assert isinstance(pages, Known)
        for instance in subject.instances:
            answer = pages.value.instances[instance.name]
            assert isinstance(answer, Known)
            assert isinstance(answer.value.probe_seconds, Known)
            assert isinstance(answer.value.pool, Known)
