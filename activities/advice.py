"""What to change for good, each piece with the numbers that call for it, and nothing without them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from math import ceil
from typing import NamedTuple

from activities import advice_snippets as snippets
from activities.advice_on_alerts import on_alerts
from activities.advice_on_load import on_endless_waits, on_size, on_spike
from activities.advice_parts import Advice, database_of, finding_of
from activities.profiles.library import built_in
from activities.profiles.profile import Profile
from workflows.attempts import may_have_touched, of_option
from workflows.models.diagnosis import Cause
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Termination
from workflows.models.policy import Option
from workflows.models.reading import value_of
from workflows.models.report import Report
from workflows.remedies.session_timeout import idle_timeout, quoted
from workflows.wording import counted, percent, span

_LONGEST_WAIT_OF_A_CHANGE = 2
"""Seconds for which users may be made to wait behind it."""
_TIMES_HOLD = 10
"""As many times the usual hold time as the server's own timeout for idle transactions."""


_DETECTION = "Switch on the leak detection of the pool, which names the place in the code"


class LastStatement(NamedTuple):
    """The shape that forgotten sessions ran last: where to look in the application."""

    sessions: int
    query_id: int
    text: str | None


def advise(report: Report, profiles: Mapping[str, Profile] | None = None) -> tuple[Advice, ...]:
    """In the order in which they prevent the most; `profiles` are the ones that come along by default."""
    known = built_in() if profiles is None else profiles
    profile = known.get(report.case.target.profile) if report.case else None
    held = [*_on_leak(report), *_on_idle_leak(report), *_on_hold(report), *_on_changes(report)]
    causes = [*held, *_on_slow_query(report), *on_spike(report), *on_size(report), *_on_dead_slots(report)]
    waits = [*on_endless_waits(report), *on_alerts(report, profile)]
    return (*causes, *waits, *_on_sources(report), *_on_routes(report))


def last_statements(report: Report) -> tuple[LastStatement, ...]:
    """What the leaked sessions ran last, the most frequent first."""
    finding = finding_of(report, Cause.LEAK)
    if finding is None:
        return ()
    counts = Counter(session.query_id for session in finding.sessions if session.query_id is not None)
    database = database_of(report)
    shapes = value_of(database.statements) if database else None
    texts = {shape.query_id: shape.text for shape in shapes or ()}
    return tuple(
        LastStatement(number, query_id, texts.get(query_id)) for query_id, number in counts.most_common(3)
    )


def _on_leak(report: Report) -> Iterator[Advice]:
    finding = finding_of(report, Cause.LEAK) or finding_of(report, Cause.LOCK)
    if finding is None or not finding.sessions:
        return
    names = sorted({session.identity.application_name for session in finding.sessions})
    yield Advice(
        f"Find where {', '.join(names)} takes a connection and does not give it back on every way out",
        f"{counted(len(finding.sessions), 'session')} stayed in a transaction that nobody ended"
        f"{'; what they ran last is listed under the cause' if last_statements(report) else ''}",
    )
    yield _prevention()
    identity = finding.sessions[0].identity
    longest = max(session.state_seconds for session in finding.sessions)
    timeout = round(idle_timeout(_usual_hold(report)).total_seconds())
    yield Advice(
        f"Let the server itself end what idles in a transaction for more than {timeout} s",
        f"the oldest of them had idled for {span(longest)}, and a connection is usually held for "
        f"{span(_usual_hold(report)) if _usual_hold(report) else 'an unknown time'}; "
        "work that honestly pauses longer inside a transaction would be ended too",
        f"ALTER ROLE {quoted(identity.usename)} IN DATABASE {quoted(identity.datname)} "
        f"SET idle_in_transaction_session_timeout = '{timeout}s'",
    )
    if detection := _detection(report):
        yield detection


def _prevention() -> Advice:
    return Advice(
        "Cover every way out of that code by a test that counts the connections checked out before and "
        "after, and ask for one in reviews",
        "a forgotten connection is seen by nothing else before its pool is full",
    )


def _on_changes(report: Report) -> Iterator[Advice]:
    finding = finding_of(report, Cause.DDL_QUEUE)
    if finding is None:
        return
    yield Advice(
        "Let every change of a table give up its place in the queue soon, and try again later",
        f"it waited for somebody else while the application waited for it: {finding.reasons[0]}",
        f"SET lock_timeout = '{_LONGEST_WAIT_OF_A_CHANGE}s'",
    )


def _on_idle_leak(report: Report) -> Iterator[Advice]:
    finding = finding_of(report, Cause.IDLE_LEAK)
    if finding is None or finding.ripe_in is not None:
        return
    yield Advice(
        f"Find where {_names(report)} takes a connection and does not give it back on every way out",
        f"at least {percent(finding.share)} of the connections checked out did nothing, outside any "
        "transaction; what the idle sessions ran last is listed under the cause",
    )
    yield _prevention()
    yield Advice(
        _DETECTION,
        "the server cannot tell a forgotten connection from one that is idle in the pool: "
        "idle_session_timeout would end both",
        pasted=_detection_code(report),
    )


def _detection(report: Report) -> Advice | None:
    """Beside the server's own timeout only where it is known how."""
    code = _detection_code(report)
    hold = _usual_hold(report)
    usual = f"usually held for {span(hold)}" if hold else "held for a time that is not known"
    return Advice(_DETECTION, f"a connection is {usual}", pasted=code) if code else None


def _detection_code(report: Report) -> str | None:
    if report.case is None:
        return None
    return snippets.leak_detection(report.case.target, idle_timeout(_usual_hold(report)))


def _on_hold(report: Report) -> Iterator[Advice]:
    finding = finding_of(report, Cause.HOLD)
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
        pasted=snippets.breaker_before_a_service(report.case.target, _patience(report))
        if report.case
        else None,
    )


def _patience(report: Report) -> int:
    """Seconds for the call of another service: far more than a request usually needs in all."""
    return max(ceil(_TIMES_HOLD * _usual_hold(report)), 1)


def _on_slow_query(report: Report) -> Iterator[Advice]:
    finding, database = finding_of(report, Cause.SLOW), database_of(report)
    if finding is None or finding.ripe_in is not None or not finding.sessions or database is None:
        return
    shapes = value_of(database.statements) or ()
    text = next((shape.text for shape in shapes if shape.query_id == finding.query_id), "")
    yield Advice(
        f"Look at the plan of query {finding.query_id}, and give its table the index that it lacks",
        " ".join(finding.reasons[:2]),
        f"EXPLAIN (GENERIC_PLAN) {text}" if text and not text.endswith("…") else None,
    )
    identity = finding.sessions[0].identity
    timeout = round(idle_timeout(_usual_hold(report)).total_seconds())
    yield Advice(
        f"Let the server itself give up every statement that takes more than {timeout} s",
        f"{counted(len(finding.sessions), 'statement')} ran on until somebody stopped them; changes of "
        "tables and reports by this role would be given up too",
        f"ALTER ROLE {quoted(identity.usename)} IN DATABASE {quoted(identity.datname)} "
        f"SET statement_timeout = '{timeout}s'",
    )


def _names(report: Report) -> str:
    return ", ".join(report.case.target.database.application_names) if report.case else report.target


def _usual_hold(report: Report) -> float:
    metrics = value_of(report.evidence.metrics) if report.evidence else None
    return (value_of(metrics.usual_hold) or 0.0) if metrics else 0.0


def _on_dead_slots(report: Report) -> Iterator[Advice]:
    ended = [attempt for attempt in report.attempts if isinstance(attempt.proposal.act, Termination)]
    restarted = filter(may_have_touched, of_option(report.attempts, Option.RESTART))
    if any(_was_in_vain(attempt) for attempt in ended) and any(attempt.helped for attempt in restarted):
        yield Advice(
            "Let the pool notice connections that the server has closed (pre-ping, recycling)",
            "sessions were ended and their slots did not come back until the restart",
            pasted=snippets.recycling(report.case.target) if report.case else None,
        )


def _was_in_vain(attempt: Attempt) -> bool:
    return attempt.outcome.status is OutcomeStatus.DONE and attempt.helped is False


def _on_sources(report: Report) -> Iterator[Advice]:
    database = database_of(report)
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
