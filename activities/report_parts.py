"""What a report says first, put together from its data: how it ended, how fast, what the first look saw."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from workflows.attempts import describe_effect, describe_result
from workflows.models.diagnosis import Cause
from workflows.models.evidence import ContainerState, Evidence, LogLine, PoolState
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Cancellation, IndexCreation, Resize, Restart, SessionTimeout, Termination
from workflows.models.policy import Clocks
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.report import Ending, Report
from workflows.models.verdict import State
from workflows.wording import counted, fired, listed, percent, span

_JUST_BEFORE = timedelta(minutes=30)
_CAUSES = {
    Cause.LEAK: "a connection leak",
    Cause.IDLE_LEAK: "connections forgotten outside a transaction",
    Cause.HOLD: "requests that wait while they hold connections",
    Cause.LOCK: "a queue behind a lock",
    Cause.DDL_QUEUE: "a queue behind a change of a table",
    Cause.SLOW: "a slow query",
    Cause.UNDERSIZED: "a pool too small for its work",
    Cause.SPIKE: "a traffic spike",
    Cause.LOST_CAPACITY: "lost capacity",
    Cause.DEGRADED: "a database that is slow itself",
    Cause.UNKNOWN: "an unknown cause",
}
_ENDINGS = {
    Ending.OPEN: "connections exhausted by {cause}, not resolved",
    Ending.RECOVERED: "recovered from {cause}",
    Ending.RECOVERED_BY_ITSELF: "recovered without an act from {cause}",
    Ending.HANDED_OVER: "handed over to people, {cause}",
    Ending.NOTHING_FOUND: "the alert fired, and nothing was found",
}
_STATES = {
    OutcomeStatus.PARTLY: " only in part",
    OutcomeStatus.UNKNOWN: " (the answer was lost)",
}


class Speed(NamedTuple):
    """One line of the comparison with the SLA, in seconds."""

    what: str
    took: float | None
    limit: float | None
    verdict: str


class Seen(NamedTuple):
    """One instance at the first look; texts, because what is missing is told in words."""

    instance: str
    checked_out: str
    waiting: str
    full_for: str
    up_since: str


def headline(report: Report) -> str:
    """How it ended, and from what."""
    named = [diagnosis.first.cause for diagnosis in report.diagnoses]
    cause = next((cause for cause in named if cause is not Cause.HEALTHY), Cause.UNKNOWN)
    return _ENDINGS[report.outcome].format(cause=_CAUSES.get(cause, str(cause)))


def course(report: Report) -> str:
    """What happened, in a few sentences."""
    return " ".join([*_beginning(report), *map(_act, report.attempts), *_end(report)])


def _beginning(report: Report) -> Iterator[str]:
    yield f"The alert began at {report.opened_at:%H:%M:%S} UTC on {report.opened_at:%Y-%m-%d}."
    yield from fired(report.firings)
    if report.diagnoses:
        first = report.diagnoses[0].first
        surest = max(each.first.confidence for each in report.diagnoses if each.first.cause is first.cause)
        yield f"Most likely cause: {first.cause} (confidence {percent(surest)})."
    if not report.attempts:
        yield "Nothing was done to the target."


def _act(attempt: Attempt) -> str:
    if attempt.outcome.status in (OutcomeStatus.FAILED, OutcomeStatus.NOTHING, OutcomeStatus.REFUSED):
        done = f"{attempt.proposal.act.option} was tried: {describe_result(attempt)}"
    else:
        done = f"{_deed(attempt)}{_STATES.get(attempt.outcome.status, '')}; {describe_effect(attempt)}"
    return f"At {attempt.at:%H:%M:%S}, decided by {attempt.decided_by}, {done}."


def _deed(attempt: Attempt) -> str:
    match attempt.proposal.act:
        case Termination():
            number = sum(touched.changed for touched in attempt.outcome.touched)
            return f"{counted(number, 'session')} ended"
        case Cancellation():
            number = sum(touched.changed for touched in attempt.outcome.touched)
            return f"{counted(number, 'statement')} cancelled"
        case IndexCreation() as act:
            return f"index {act.name} on {act.namespace}.{act.table} created"
        case Restart() as act:
            return f"container {act.container} restarted"
        case Resize() as act:
            sizes = listed(f"{name} {act.baseline.get(name)} -> {size}" for name, size in act.sizes.items())
            return f"pools resized for {span(act.lasts)} ({sizes})"
        case SessionTimeout() as act:
            return (
                f"what idles in a transaction of {act.role} is ended by the server after {span(act.timeout)}"
            )


def _end(report: Report) -> Iterator[str]:
    if report.seconds.alert_to_healthy is not None:
        yield f"The pool was free again {span(report.seconds.alert_to_healthy)} after the alert began."
    if report.verdicts and report.verdicts[-1].state is State.RECOVERED:
        yield f"The clear window confirmed it at {report.verdicts[-1].until:%H:%M:%S}."
    elif report.verdicts:
        yield f"The clear window did not confirm a recovery: {report.verdicts[-1].state}."


def speeds(report: Report) -> list[Speed]:
    """The runbook's SLA, line by line."""
    limits = report.case.policy.clocks if report.case else Clocks()
    took = report.seconds
    return [
        _speed(report, "acknowledged", took.alert_to_acknowledged, limits.acknowledge.total_seconds()),
        _speed(report, "first act or request for approval", took.alert_to_first_action, None),
        _speed(report, "pool free again", took.alert_to_healthy, limits.resolve.total_seconds()),
        _speed(report, "verified over the clear window", took.alert_to_verified, None),
    ]


def _speed(report: Report, what: str, took: float | None, limit: float | None) -> Speed:
    elapsed = (report.written_at - report.opened_at).total_seconds() if took is None else took
    if limit is not None and elapsed > limit:
        verdict = "missed"
    elif took is None:
        verdict = "did not happen" if report.complete else "not yet"
    else:
        verdict = "" if limit is None else "kept"
    return Speed(what, took, limit, verdict)


def seen(evidence: Evidence) -> list[Seen]:
    """Every instance at the first look."""
    return [_seen(evidence, name, pool) for name, pool in evidence.pools().items()]


def circumstances(report: Report) -> list[str]:
    """What happened to the containers shortly before, or keeps happening to them."""
    containers = value_of(report.evidence.containers) if report.evidence else None
    found = containers.instances.items() if containers else ()
    states = [(name, state.value) for name, state in found if isinstance(state, Known)]
    return [told for name, state in states for told in _circumstances(name, state, report.opened_at)]


def _circumstances(name: str, state: ContainerState, opened_at: datetime) -> Iterator[str]:
    if state.started_at is not None and timedelta(0) <= opened_at - state.started_at < _JUST_BEFORE:
        yield (
            f"{name} was started {span(opened_at - state.started_at)} before the alert, from the image "
            f"{state.image}: look at what was deployed or changed then."
        )
    if state.restart_count:
        yield f"{name} was restarted {counted(state.restart_count, 'time')} by the engine: it ends by itself."
    if state.oom_killed:
        yield f"{name} was ended for want of memory before."


def log_lines(report: Report) -> list[tuple[str, LogLine]]:
    """What the application's own log said about its pool, by instance, the oldest first."""
    containers = value_of(report.evidence.containers) if report.evidence else None
    found = containers.instances.items() if containers else ()
    logs = [(name, state.value.log) for name, state in found if isinstance(state, Known)]
    lines = [(name, line) for name, log in logs if isinstance(log, Known) for line in log.value]
    return sorted(lines, key=lambda each: each[1].at)


def _seen(evidence: Evidence, name: str, pool: Known[PoolState] | Unavailable) -> Seen:
    metrics, containers = value_of(evidence.metrics), value_of(evidence.containers)
    scraped = value_of(metrics.instances[name]) if metrics and name in metrics.instances else None
    container = value_of(containers.instances[name]) if containers and name in containers.instances else None
    full = value_of(scraped.full_seconds) if scraped else None
    if isinstance(pool, Unavailable):
        checked_out, waiting = pool.reason, "unknown"
    else:
        now = pool.value
        checked_out = f"{now.active} of {now.size} ({percent(now.utilization)})"
        waiting = "unknown" if now.waiters is None else str(now.waiters)
    return Seen(
        instance=name,
        checked_out=checked_out,
        waiting=waiting,
        full_for="unknown" if full is None else span(full),
        up_since=_since(container.started_at if container else None),
    )


def _since(moment: datetime | None) -> str:
    return "unknown" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
