"""What to change for good, each piece with the numbers that call for it, and nothing without them."""

from collections import Counter
from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Resize, Restart, Termination
from workflows.models.reading import value_of
from workflows.models.report import Report
from workflows.models.verdict import State
from workflows.slots import spare_per_instance
from workflows.wording import counted, percent, span

_HEADROOM = 0.7
"""Utilization that a pool should have at the usual load: the runbook's own limit of health."""
_SHORTEST_TIMEOUT = 60.0


class Advice(NamedTuple):
    """What to do, why, and the statement that does it where there is one."""

    what: str
    why: str
    code: str | None = None


class LastStatement(NamedTuple):
    """The shape that forgotten sessions ran last: where to look in the application."""

    sessions: int
    query_id: int
    text: str | None


def advise(report: Report) -> tuple[Advice, ...]:
    """In the order in which they prevent the most."""
    pieces = [*_on_leak(report), *_on_size(report), *_on_dead_slots(report), *_on_sources(report)]
    return (*pieces, *_on_routes(report))


def last_statements(report: Report) -> tuple[LastStatement, ...]:
    """What the leaked sessions ran last, the most frequent first."""
    finding = _finding(report, Cause.LEAK)
    if finding is None:
        return ()
    counts = Counter(session.query_id for session in finding.sessions if session.query_id is not None)
    database = _database(report)
    shapes = value_of(database.statements) if database else None
    texts = {shape.query_id: shape.text for shape in shapes or ()}
    return tuple(
        LastStatement(number, query_id, texts.get(query_id)) for query_id, number in counts.most_common(3)
    )


def _finding(report: Report, cause: Cause) -> Finding | None:
    """The first diagnosis that named this cause first; a certain one before a mere suspicion."""
    named = [diagnosis.first for diagnosis in report.diagnoses if diagnosis.first.cause is cause]
    return next((finding for finding in named if finding.ripe_in is None), next(iter(named), None))


def _database(report: Report) -> DatabaseReading | None:
    return value_of(report.evidence.database) if report.evidence else None


def _on_leak(report: Report) -> Iterator[Advice]:
    finding = _finding(report, Cause.LEAK)
    if finding is None or not finding.sessions:
        return
    names = sorted({session.identity.application_name for session in finding.sessions})
    yield Advice(
        f"Find where {', '.join(names)} takes a connection and does not give it back on every way out",
        f"{counted(len(finding.sessions), 'session')} stayed in a transaction that nobody ended"
        f"{'; what they ran last is listed under the cause' if last_statements(report) else ''}",
    )
    identity = finding.sessions[0].identity
    longest = max(session.state_seconds for session in finding.sessions)
    timeout = ceil(max(_SHORTEST_TIMEOUT, 10 * _usual_hold(report)))
    yield Advice(
        f"Let the server itself end what idles in a transaction for more than {timeout} s",
        f"the oldest of them had idled for {span(longest)}, and a connection is usually held for "
        f"{span(_usual_hold(report)) if _usual_hold(report) else 'an unknown time'}; "
        "work that honestly pauses longer inside a transaction would be ended too",
        f"ALTER ROLE {_quoted(identity.usename)} IN DATABASE {_quoted(identity.datname)} "
        f"SET idle_in_transaction_session_timeout = '{timeout}s'",
    )


def _usual_hold(report: Report) -> float:
    metrics = value_of(report.evidence.metrics) if report.evidence else None
    return (value_of(metrics.usual_hold) or 0.0) if metrics else 0.0


def _on_size(report: Report) -> Iterator[Advice]:
    finding = _finding(report, Cause.UNDERSIZED)
    metrics = value_of(report.evidence.metrics) if report.evidence else None
    if finding is None or metrics is None or report.case is None:
        return
    rate, hold = value_of(metrics.request_rate), value_of(metrics.hold_seconds)
    if rate is None or hold is None:
        return
    target = report.case.target
    busy = rate * hold / len(target.instances)
    wanted, configured = ceil(busy / _HEADROOM), max(instance.pool_size for instance in target.instances)
    if wanted > configured:
        yield Advice(
            f"Configure pools of {wanted} connections per instance instead of {configured}",
            f"{rate:.1f} requests/s that hold a connection for {span(hold)} keep {busy:.1f} of them busy per "
            f"instance, and {percent(_HEADROOM)} is the most a healthy pool uses; {_room(report, configured)}"
            f"{_proof(report)}",
        )


def _room(report: Report, configured: int) -> str:
    database = _database(report)
    if database is None or report.case is None:
        return "whether the server has the slots could not be read"
    target = report.case.target
    maxima = {instance.name: instance.pool_size for instance in target.instances}
    spare = spare_per_instance(database, target, maxima)
    return f"the server has slots for at most {configured + spare} per instance"


def _proof(report: Report) -> str:
    for attempt in reversed(report.attempts):
        act = attempt.proposal.act
        after = [verdict for verdict in report.verdicts if verdict.since >= attempt.at]
        if isinstance(act, Resize) and after and after[-1].state is State.RECOVERED:
            sizes = ", ".join(str(size) for size in sorted(set(act.sizes.values())))
            return f"; with {sizes} the clear window was passed ({after[-1].criteria[0].measured})"
    return ""


def _on_dead_slots(report: Report) -> Iterator[Advice]:
    ended = [attempt for attempt in report.attempts if isinstance(attempt.proposal.act, Termination)]
    restarted = [attempt for attempt in report.attempts if isinstance(attempt.proposal.act, Restart)]
    if any(_was_in_vain(attempt) for attempt in ended) and any(attempt.helped for attempt in restarted):
        yield Advice(
            "Let the pool notice connections that the server has closed (pre-ping, recycling)",
            "sessions were ended and their slots did not come back until the restart",
        )


def _was_in_vain(attempt: Attempt) -> bool:
    return attempt.outcome.status is OutcomeStatus.DONE and attempt.helped is False


def _on_sources(report: Report) -> Iterator[Advice]:
    database = _database(report)
    if database is not None and not database.server.can_terminate:
        yield Advice(
            "Install the functions of deploy/postgres and list the application's role there",
            "the server does not let poolmedic end a leaked session, so only a restart is left",
        )
    if report.diagnoses and report.diagnoses[0].missing:
        yield Advice(
            "Make every source readable",
            f"{counted(len(report.diagnoses[0].missing), 'reading')} missing in the first look, listed above",
        )


def _on_routes(report: Report) -> Iterator[Advice]:
    silent = [escalation for escalation in report.escalations if escalation.failure]
    if silent:
        yield Advice("Repair the ways to reach people", f"{counted(len(silent), 'page')} reached nobody")


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
