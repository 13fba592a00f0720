"""Whatever is read: recovered has every measurement, and a worse one never improves it."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import arbitrary, arbitrary_cases, arbitrary_windows, scenes
from tests.unit.scenes import GONE, known, page, policy, pool
from tests.unit.verdicts import QUIET, I, N, R, judge, seen, window
from workflows.criteria import CRITERIA, worst
from workflows.models.reading import Known
from workflows.models.target import Target
from workflows.models.verdict import State, WindowReading
from workflows.verification import is_free


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
    arbitrary.readings(arbitrary_windows.windows()),
    arbitrary.readings(arbitrary.applications(arbitrary.quiet_pools())),
    st.none() | arbitrary.readings(arbitrary.containers()),
    arbitrary_cases.targets(),
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
@given(arbitrary.readings(arbitrary.applications()), arbitrary_cases.targets())
def test_whatever_was_read_free_means_that_every_instance_answered(pages: Any, subject: Target) -> None:
    if is_free(pages, subject, policy()):
        assert isinstance(pages, Known)
        for instance in subject.instances:
            answer = pages.value.instances[instance.name]
            assert isinstance(answer, Known)
            assert isinstance(answer.value.probe_seconds, Known)
            assert isinstance(answer.value.pool, Known)
