"""The criteria of a recovery, one function each, over every instance: the worst one counts."""

from collections.abc import Callable, Iterable, Mapping
from math import isfinite

from workflows.exhaustion import is_exhausted
from workflows.measured import Measured
from workflows.models.evidence import ApplicationPage
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.verdict import Criterion, InstanceWindow, State
from workflows.readings import number, pool_on
from workflows.wording import listed, percent, span

type Answer = tuple[State, str]
"""The state, and what was measured."""

_SAYS_NO = frozenset({"unhealthy", "down", "fail", "failed", "error", "critical"})


def worst(states: Iterable[State]) -> State:
    """Recovered only if every one is; one that is not outweighs those that cannot be told."""
    found = set(states)
    if State.NOT_RECOVERED in found:
        return State.NOT_RECOVERED
    return State.RECOVERED if found == {State.RECOVERED} else State.INCONCLUSIVE


def judge_utilization(measured: Measured) -> Criterion:
    """The fullest moment of every instance, and the look at the end."""
    limit = measured.policy.clear_window.utilization

    def judge(window: InstanceWindow) -> Answer:
        most = window.utilization_max
        if not isfinite(most) or most < 0:
            return State.INCONCLUSIVE, "no number"
        return _passes(most < limit), f"{percent(most)} at most"

    answers = [*_of_windows(measured, judge), *_of_pages(measured, lambda page: _pool_now(page, measured))]
    return _criterion("pool utilization", f"below {percent(limit)}", answers)


def judge_waits(measured: Measured) -> Criterion:
    """How long it took to get a connection; nothing acquired proves nothing."""
    limit = measured.policy.clear_window.wait_p95.total_seconds()

    def judge(window: InstanceWindow) -> Answer:
        if (wait := number(window.wait_p95_max)) is None:
            return State.INCONCLUSIVE, _why_not(window.wait_p95_max)
        return _passes(wait < limit), f"{span(wait)} at most"

    return _criterion("wait for a connection (p95)", f"below {span(limit)}", _of_windows(measured, judge))


def judge_timeouts(measured: Measured) -> Criterion:
    """Not one acquire timeout."""
    answers = _of_windows(measured, lambda window: _none(window.timeouts))
    return _criterion("acquire timeouts", "none", answers)


def judge_errors(measured: Measured) -> Criterion:
    """Not one 503."""
    return _criterion("503 answers", "none", _of_windows(measured, lambda window: _none(window.errors_503)))


def judge_response(measured: Measured) -> Criterion:
    """Every instance answers a query through its own pool, and does not call itself unhealthy."""

    def judge(page: ApplicationPage) -> Answer:
        if page.status.strip().lower() in _SAYS_NO:
            return State.NOT_RECOVERED, f"it says {page.status}"
        if isinstance(page.probe_seconds, Unavailable):
            return State.NOT_RECOVERED, f"a query is not answered ({page.probe_seconds.reason})"
        if (seconds := number(page.probe_seconds)) is None:
            return State.INCONCLUSIVE, "no number"
        return State.RECOVERED, f"a query took {span(seconds)}"

    return _criterion("application responding", "a query is answered", _of_pages(measured, judge))


def judge_demand(measured: Measured) -> Criterion:
    """Enough traffic that a quiet pool proves something; without a usual, any traffic at all."""
    share = measured.policy.clear_window.demand
    window = value_of(measured.window)
    rate = number(window.request_rate) if window else None
    usual = (number(window.usual_rate) if window else None) or measured.target.usual.request_rate
    if rate is None:
        answer = State.INCONCLUSIVE, _why_not(window.request_rate if window else _unread(measured))
    elif usual is None:
        answer = _suffices(rate > 0), f"{rate:.1f} requests/s, the usual is not known"
    else:
        answer = _suffices(rate >= share * usual), f"{rate:.1f} of the usual {usual:.1f} requests/s"
    limit = "some traffic" if usual is None else f"at least {percent(share)} of the usual"
    return _criterion("demand", limit, [answer])


def judge_instances(measured: Measured) -> Criterion:
    """Every instance is up, and none was started anew inside the window."""
    answers = list(_of_pages(measured, lambda page: _began(page, measured)))
    for name, container in measured.containers.items():
        if isinstance(container, Unavailable):
            answers.append((State.INCONCLUSIVE, f"container of {name}: {container.reason}"))
        elif not container.value.running:
            answers.append((State.NOT_RECOVERED, f"container of {name}: {container.value.status}"))
        else:
            answers.append((State.RECOVERED, f"container of {name}: running"))
    window = value_of(measured.window)
    answers += (
        [(State.INCONCLUSIVE, f"{name}: not in the configuration") for name in window.unexpected]
        if window
        else []
    )
    return _criterion("instances up", f"all {len(measured.target.instances)}", answers)


def judge_alert(measured: Measured) -> Criterion:
    """The alert is over: resolved by delivery, or by Prometheus's own word at the window's end."""
    window = value_of(measured.window)
    firing = window.alert_firing if window else _unread(measured)
    if measured.is_resolved:
        answer = State.RECOVERED, "resolved"
    elif firing is None:
        answer = State.RECOVERED, "was not asked about"
    elif isinstance(firing, Unavailable):
        answer = State.INCONCLUSIVE, firing.reason
    else:
        answer = _passes(not firing.value), "still fires" if firing.value else "does not fire"
    return _criterion("alert", "does not fire", [answer])


def judge_readings(measured: Measured) -> Criterion:
    """Readings from after the fix, over the whole window, without a hole."""
    limit = f"{span(measured.policy.clear_window.length)} after the fix, without a hole"
    if reason := measured.gap_in_window():
        return _criterion("readings", limit, [(State.INCONCLUSIVE, f"the window: {reason}")])
    reading = value_of(measured.window)

    def judge(window: InstanceWindow) -> Answer:
        gap = measured.gap_in(window, reading) if reading else "no window"
        return (State.INCONCLUSIVE, gap) if gap else (State.RECOVERED, f"{window.samples} samples")

    return _criterion("readings", limit, _of_windows(measured, judge))


CRITERIA: tuple[Callable[[Measured], Criterion], ...] = (
    judge_utilization,
    judge_waits,
    judge_timeouts,
    judge_errors,
    judge_response,
    judge_demand,
    judge_instances,
    judge_alert,
    judge_readings,
)
"""The five of the runbook, then what makes them worth something."""


def _criterion(name: str, limit: str, answers: Iterable[Answer]) -> Criterion:
    """The worst answer counts, and those that made it so are shown."""
    every = list(answers)
    state = worst(answer[0] for answer in every)
    shown = [text for own, text in every if own is state]
    return Criterion(name=name, state=state, measured=listed(shown) or "nothing was measured", limit=limit)


def _of_windows(measured: Measured, judge: Callable[[InstanceWindow], Answer]) -> list[Answer]:
    return _of_each(measured.windows, judge)


def _of_pages(measured: Measured, judge: Callable[[ApplicationPage], Answer]) -> list[Answer]:
    return _of_each(measured.pages, judge)


def _of_each[T](readings: Mapping[str, Known[T] | Unavailable], judge: Callable[[T], Answer]) -> list[Answer]:
    answers = []
    for name, reading in readings.items():
        if isinstance(reading, Unavailable):
            answers.append((State.INCONCLUSIVE, f"{name}: {reading.reason}"))
        else:
            state, text = judge(reading.value)
            answers.append((state, f"{name}: {text}"))
    return answers


def _pool_now(page: ApplicationPage, measured: Measured) -> Answer:
    pool = pool_on(Known(value=page, at=measured.now), measured.policy, measured.now)
    if isinstance(pool, Unavailable):
        return State.INCONCLUSIVE, f"the pool now: {pool.reason}"
    is_over = pool.value.utilization >= measured.policy.clear_window.utilization
    return _passes(not is_over and not is_exhausted(pool.value, measured.policy)), (
        f"{percent(pool.value.utilization)} now"
    )


def _began(page: ApplicationPage, measured: Measured) -> Answer:
    started = value_of(page.started_at)
    if started is not None and started > measured.since:
        return State.INCONCLUSIVE, f"started anew at {started:%H:%M:%S}, inside the window"
    return State.RECOVERED, "up"


def _none(reading: Known[float] | Unavailable) -> Answer:
    amount = number(reading)
    if amount is None:
        return State.INCONCLUSIVE, _why_not(reading)
    return _passes(amount == 0), f"{amount:.1f}" if amount else "0"


def _why_not(reading: Known[float] | Unavailable) -> str:
    return reading.reason if isinstance(reading, Unavailable) else "no number"


def _unread(measured: Measured) -> Unavailable:
    reason = measured.window.reason if isinstance(measured.window, Unavailable) else "no number"
    return Unavailable(reason=reason)


def _passes(condition: bool) -> State:
    return State.RECOVERED if condition else State.NOT_RECOVERED


def _suffices(condition: bool) -> State:
    """For what can only fail to prove, never disprove."""
    return State.RECOVERED if condition else State.INCONCLUSIVE
