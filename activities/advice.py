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
from workflows.slots import left_for_us, spare_per_instance
from workflows.wording import counted, listed, percent, span

_HEADROOM = 0.7
"""Utilization that a pool should have at the usual load: the runbook's own limit of health."""
_SHORTEST_TIMEOUT = 60.0
_LONGEST_WAIT_OF_A_CHANGE = 2
"""Seconds for which users may be made to wait behind it."""


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
    held = [*_on_leak(report), *_on_idle_leak(report), *_on_hold(report), *_on_changes(report)]
    causes = [*held, *_on_spike(report), *_on_size(report), *_on_dead_slots(report)]
    return (*causes, *_on_sources(report), *_on_routes(report))


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
    finding = _finding(report, Cause.LEAK) or _finding(report, Cause.LOCK)
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


def _on_changes(report: Report) -> Iterator[Advice]:
    finding = _finding(report, Cause.DDL_QUEUE)
    if finding is None:
        return
    yield Advice(
        "Let every change of a table give up its place in the queue soon, and try again later",
        f"it waited for somebody else while the application waited for it: {finding.reasons[0]}",
        f"SET lock_timeout = '{_LONGEST_WAIT_OF_A_CHANGE}s'",
    )


def _on_idle_leak(report: Report) -> Iterator[Advice]:
    finding = _finding(report, Cause.IDLE_LEAK)
    if finding is None or finding.ripe_in is not None:
        return
    yield Advice(
        f"Find where {_names(report)} takes a connection and does not give it back on every way out",
        f"at least {percent(finding.share)} of the connections checked out did nothing, outside any "
        "transaction; what the idle sessions ran last is listed under the cause",
    )
    yield Advice(
        "Switch on the leak detection of the pool, which names the place in the code",
        "the server cannot tell a forgotten connection from one that is idle in the pool: "
        "idle_session_timeout would end both",
    )


def _on_hold(report: Report) -> Iterator[Advice]:
    finding = _finding(report, Cause.HOLD)
    if finding is None:
        return
    metrics = value_of(report.evidence.metrics) if report.evidence else None
    hold = value_of(metrics.hold_seconds) if metrics else None
    yield Advice(
        f"Let {_names(report)} call other services before it takes a connection, or after it gave it back",
        f"{percent(finding.share)} of the connections checked out were held by requests that waited for "
        "something else than the database; what they ran last is listed under the cause",
    )
    yield Advice(
        "Give every call of another service a short timeout, and a circuit breaker",
        f"connections came back after {span(hold) if hold else 'an unknown time'}, and are usually held for "
        f"{span(_usual_hold(report)) if _usual_hold(report) else 'an unknown time'}",
    )


def _names(report: Report) -> str:
    return ", ".join(report.case.target.database.application_names) if report.case else report.target


def _usual_hold(report: Report) -> float:
    metrics = value_of(report.evidence.metrics) if report.evidence else None
    return (value_of(metrics.usual_hold) or 0.0) if metrics else 0.0


def _on_spike(report: Report) -> Iterator[Advice]:
    finding, evidence = _finding(report, Cause.SPIKE), report.evidence
    if finding is None or evidence is None or report.case is None:
        return
    pools = [value_of(pool) for pool in evidence.pools().values()]
    waiting = sum(pool.waiters or 0 for pool in pools if pool)
    yield Advice(
        "Put a circuit breaker before the pool, which turns requests away at once while it is full",
        f"{counted(waiting, 'request')} queued for a connection at the first look; {finding.reasons[0]} "
        "A request that waits for its timeout keeps its client, and the queue, for nothing",
    )
    running = len(report.case.target.instances)
    yield Advice(
        f"Scale out while traffic grows, to more than {counted(running, 'instance')}",
        f"no connection was left on {listed(finding.instances)}; {_room_for_instances(report)}",
    )


def _room_for_instances(report: Report) -> str:
    database = _database(report)
    if database is None or report.case is None:
        return "for how many the server has slots could not be read"
    target = report.case.target
    maxima = {instance.name: instance.pool_size for instance in target.instances}
    most = max(left_for_us(database, target, maxima) // max(maxima.values()), 0)
    return (
        f"the server has slots for at most {counted(most, 'instance')} with pools of {max(maxima.values())}, "
        "beyond that a pooler has to stand between"
    )


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
