"""Questions to the ledger of acts: what was tried, may have touched something, helped, was refused."""

from datetime import timedelta
from itertools import pairwise

from workflows.models.base import Moment
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Cancellation, Restart, Termination
from workflows.models.policy import Option, Policy
from workflows.models.session import SessionIdentity, StatementIdentity
from workflows.wording import counted

_TOLD = frozenset({OutcomeStatus.DONE, OutcomeStatus.PARTLY})
_TOUCHING = frozenset({OutcomeStatus.DONE, OutcomeStatus.PARTLY, OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN})
_EFFECTS = {True: "it helped", False: "it did not help", None: "its effect could not be told"}


def may_have_touched(attempt: Attempt) -> bool:
    """False only where it is certain that nothing was touched."""
    return attempt.outcome.status in _TOUCHING


def restarted_in_vain(attempts: list[Attempt], since: Moment) -> frozenset[str]:
    """Instances whose restart since then is over, and was not seen to free the pool."""
    return frozenset(
        attempt.proposal.act.instance
        for attempt in attempts
        if isinstance(attempt.proposal.act, Restart)
        and attempt.at >= since
        and attempt.outcome.restarted_at is not None
        and attempt.helped is not True
    )


def describe_effect(attempt: Attempt) -> str:
    """By the look after it; a pool that is free then owes nothing to what touched nothing."""
    return _EFFECTS[attempt.helped] if may_have_touched(attempt) else "nothing was done"


def describe_result(attempt: Attempt) -> str:
    """How it ended, and its effect."""
    status, effect = attempt.outcome.status, describe_effect(attempt)
    return effect if status is OutcomeStatus.NOTHING else f"{status}; {effect}"


def of_option(attempts: tuple[Attempt, ...], option: Option) -> tuple[Attempt, ...]:
    """Every attempt at this option, oldest first."""
    return tuple(attempt for attempt in attempts if attempt.proposal.act.option is option)


def of_restart(attempts: tuple[Attempt, ...], instance: str) -> tuple[Attempt, ...]:
    """Every attempt to restart this instance, oldest first."""
    return tuple(
        attempt
        for attempt in attempts
        if isinstance(attempt.proposal.act, Restart) and attempt.proposal.act.instance == instance
    )


def describe_refusal(attempts: tuple[Attempt, ...]) -> str | None:
    """Who refused it and when, if a person did: nobody is asked twice, and nothing goes around the answer."""
    for attempt in attempts:
        if attempt.outcome.status is OutcomeStatus.REFUSED:
            return f"{attempt.decided_by} refused it at {attempt.at:%H:%M:%S}"
    return None


def describe_exhaustion(
    tries: tuple[Attempt, ...], policy: Policy, *, counts_together: bool = False
) -> str | None:
    """Why these attempts forbid another: refused by a person, failed, or as many as the policy allows.

    Those that touched nothing are no tries. They have the same limit for themselves: a pool that is free
    whenever an act begins would be looked at without an end. `counts_together`: they count as tries.
    """
    if refused := describe_refusal(tries):
        return refused
    if tries and tries[-1].outcome.status is OutcomeStatus.FAILED:
        return f"it failed at {tries[-1].at:%H:%M:%S} ({tries[-1].outcome.detail or 'no reason given'})"
    begun, most = _begun(tries), policy.limits.attempts_per_option
    done = len(begun) if counts_together else sum(map(may_have_touched, begun))
    if done >= most:
        return f"it was tried {counted(done, 'time')}, as often as the policy allows"
    if (idle := len(begun) - done) >= most:
        return f"it began {counted(idle, 'time')} with nothing left to do, as often as the policy allows"
    return None


def of_query(attempts: tuple[Attempt, ...], query_id: int | None) -> tuple[Attempt, ...]:
    """Every cancel of this shape that told what it touched, oldest first."""
    return tuple(
        attempt
        for attempt in attempts
        if isinstance(attempt.proposal.act, Cancellation)
        and query_id is not None
        and attempt.proposal.act.query_id == query_id
        and attempt.outcome.status in _TOLD
    )


def told_to_stop(attempts: tuple[Attempt, ...]) -> frozenset[StatementIdentity]:
    """Statements that a cancel has signalled: another one would change nothing for them."""
    return frozenset(
        statement
        for attempt in attempts
        if isinstance(attempt.proposal.act, Cancellation) and attempt.outcome.status in _TOLD
        for statement, touched in zip(attempt.proposal.act.statements, attempt.outcome.touched, strict=False)
        if touched.changed
    )


def told_to_end(attempts: tuple[Attempt, ...]) -> frozenset[SessionIdentity]:
    """The same for sessions that were to end."""
    return frozenset(
        session
        for attempt in attempts
        if isinstance(attempt.proposal.act, Termination) and attempt.outcome.status in _TOLD
        for session in attempt.proposal.act.sessions
    )


def rest_of_wave(attempts: tuple[Attempt, ...], policy: Policy, now: Moment) -> frozenset[SessionIdentity]:
    """What the last act, if it ended sessions just now, left for the next wave of the same remedy."""
    recent = 2 * policy.clear_window.length + 2 * policy.pace.settle
    if not attempts or not timedelta() <= now - attempts[-1].at <= recent:
        return frozenset()
    return _rest(attempts[-1])


def _rest(attempt: Attempt) -> frozenset[SessionIdentity]:
    act = attempt.proposal.act
    is_done = attempt.outcome.status in _TOLD
    return frozenset(act.rest) if isinstance(act, Termination) and is_done else frozenset()


def _begun(tries: tuple[Attempt, ...]) -> list[Attempt]:
    """The waves that end one leak are one try: the first of each."""
    return [*tries[:1], *(each for before, each in pairwise(tries) if not _is_next_wave(before, each))]


def _is_next_wave(before: Attempt, attempt: Attempt) -> bool:
    act, left = attempt.proposal.act, before.proposal.act
    if isinstance(act, Cancellation):
        return isinstance(left, Cancellation) and bool(left.rest) and set(act.statements) <= set(left.rest)
    return isinstance(act, Termination) and frozenset(act.sessions) <= _rest(before)
