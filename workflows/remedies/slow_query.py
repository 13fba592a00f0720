"""Cancel the statements of a slow query, in waves; then end the sessions that run on all the same."""

from collections.abc import Collection

from workflows.attempts import of_query, told_to_end, told_to_stop
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Cancellation, IndexCreation, LookAgain, Proposal, Termination
from workflows.models.policy import Option, Permission
from workflows.models.session import Session, StatementIdentity
from workflows.ownership import cancellable
from workflows.remedies.cancellation import obstacle_to_cancel
from workflows.remedies.situation import Situation
from workflows.remedies.termination import most_at_once, obstacle_to_end
from workflows.wording import counted, listed, span


def propose_cancel_of_slow(situation: Situation) -> Proposal | str:
    """The next wave of its statements, or why none is cancelled."""
    if obstacle := obstacle_to_cancel(situation):
        return f"Cancel the slow query: {obstacle}."
    slow = _slow(situation)
    left = {each: slow[each] for each in slow if each not in told_to_stop(situation.attempts)}
    if before := of_query(situation.attempts, situation.finding.query_id):
        act = before[-1].proposal.act
        rest = act.rest if isinstance(act, Cancellation) else ()
        left = {each: left[each] for each in left if each in rest}
        if not left:
            return f"Cancel the slow query: it was at {before[-1].at:%H:%M:%S}, and that did not last."
    wave = _wave(situation, left, Option.CANCEL)
    if not wave:
        return "Cancel the slow query: none of its statements is left that may be cancelled at once."
    asks = any(has_to_be_asked_for(each) for each in wave.values())
    return situation.propose(
        Cancellation(
            statements=tuple(wave),
            query_id=situation.finding.query_id,
            rest=tuple(each for each in left if each not in wave),
            readers_only=not asks,
        ),
        effect=_describe(situation, wave.values(), len(left)),
        risk=f"The requests that wait for it get an error, and may come again.{_losses(wave.values())}",
        asks=asks,
    )


def propose_end_of_slow(situation: Situation) -> Proposal | str:
    """The sessions whose very statement was told to stop and runs on, or why none is ended."""
    if obstacle := obstacle_to_end(situation):
        return f"End the sessions of the slow query: {obstacle}."
    told, ended = told_to_stop(situation.attempts), told_to_end(situation.attempts)
    slow = _slow(situation)
    left = {each: slow[each] for each in slow if each in told and slow[each].identity not in ended}
    wave = _wave(situation, left, Option.TERMINATE)
    if not wave:
        return "End the sessions of the slow query: none of them runs on after it was told to stop."
    loses = any(has_to_be_asked_for(each) for each in wave.values())
    # Whoever said yes to the cancel said so of statements: their sessions stay.
    was_asked = situation.policy.permission(Option.CANCEL) is not Permission.ALONE
    return situation.propose(
        Termination(sessions=tuple(each.identity for each in wave.values()), readers_only=not loses),
        effect=_describe_end(wave.values()),
        risk=f"The pool loses these connections, and the requests get an error.{_losses(wave.values())}",
        asks=situation.is_handed_over or was_asked or loses,
    )


def has_to_be_asked_for(session: Session) -> bool:
    """Whether more may be lost by the end of its statement than an answer."""
    return session.loses_something or not session.reads_only


def wait_for_old_plans(situation: Situation) -> LookAgain | None:
    """Statements that began before the index was there go on without it, and come to their end."""
    created = _index_since(situation)
    starts = [each.query_start for each in situation.finding.sessions if each.query_start is not None]
    if created is None or not starts or min(starts) > created.at:
        return None
    why = "Statements that began before the index was there go on without it."
    return LookAgain(after=situation.policy.pace.relook, why=why)


def _index_since(situation: Situation) -> Attempt | None:
    """The creation of an index for this query, after the last cancel of it."""
    before = of_query(situation.attempts, situation.finding.query_id)
    found = [
        each
        for each in situation.attempts
        if isinstance(each.proposal.act, IndexCreation)
        and each.proposal.act.query_id == situation.finding.query_id
        and each.outcome.status is OutcomeStatus.DONE
    ]
    is_last = bool(found) and (not before or found[-1].at > before[-1].at)
    return found[-1] if is_last else None


def _slow(situation: Situation) -> dict[StatementIdentity, Session]:
    """The finding's statements as the evidence shows them, the longest first."""
    sessions = situation.database.sessions if situation.database else ()
    seen = cancellable(sessions, situation.target)
    named = [each.statement for each in situation.finding.sessions]
    return {each: seen[each] for each in named if each in seen}


def _wave(
    situation: Situation, left: dict[StatementIdentity, Session], option: Option
) -> dict[StatementIdentity, Session]:
    """What is not a mere query waits for its own approval unless all need one."""
    total = situation.database.sessions_total if situation.database else 0
    alone = situation.policy.permission(option) is Permission.ALONE
    readers = [each for each in left if not has_to_be_asked_for(left[each])]
    chosen = readers if alone and readers else list(left)
    return {each: left[each] for each in chosen[: most_at_once(situation.policy.limits, total)]}


def _describe(situation: Situation, wave: Collection[Session], slow: int) -> str:
    rest = slow - len(wave)
    left = f" {counted(rest, 'statement')} would be left for after a look." if rest else ""
    return (
        f"Cancel {counted(len(wave), 'statement')} of query {situation.finding.query_id}, each only while it "
        f"is still the very one that was seen, running for {_ages(wave)}: pid {listed(map(_name, wave))}. "
        f"The sessions stay.{left}"
    )


def _describe_end(wave: Collection[Session]) -> str:
    return (
        f"End {counted(len(wave), 'session')}, each only if it still runs the very statement that was told "
        f"to stop, for {_ages(wave)} by now: pid {listed(map(_name, wave))}."
    )


def _ages(wave: Collection[Session]) -> str:
    ages = [each.state_seconds for each in wave]
    return " to ".join(dict.fromkeys((span(min(ages)), span(max(ages)))))


def _name(session: Session) -> str:
    marks = {
        "has written": session.has_written,
        "holds an advisory lock": session.holds_advisory_lock,
        "may write": not session.reads_only,
    }
    told = [mark for mark, holds in marks.items() if holds]
    return f"{session.identity.pid}{f' ({", ".join(told)})' if told else ''}"


def _losses(wave: Collection[Session]) -> str:
    asked = [each.identity.pid for each in wave if has_to_be_asked_for(each)]
    return f" What {listed(asked)} (pid) changed in its transaction is lost." if asked else ""
