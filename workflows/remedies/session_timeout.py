"""Let the server itself end what idles in a transaction, where ending it by hand does not last."""

from datetime import timedelta
from math import ceil

from workflows.attempts import may_have_touched, of_option
from workflows.models.plan import Proposal, SessionTimeout
from workflows.models.policy import Option, Permission
from workflows.models.reading import value_of
from workflows.models.session import Session
from workflows.readings import fresh, number
from workflows.remedies.situation import Situation
from workflows.remedies.termination import describe_risk, next_wave
from workflows.wording import counted, listed, span

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=24)
"""PostgreSQL takes 2**31 ms and no more; an absurd measurement must not overflow the arithmetic."""
WITHOUT_USUAL = timedelta(minutes=5)
"""Where the usual hold time is not known: the runbook's own number."""
_TIMES_HOLD = 10
_NAME = "idle_in_transaction_session_timeout"


def idle_timeout(usual_hold: float | None) -> timedelta:
    """For how long work may idle in a transaction; `usual_hold` is how long a connection is held, seconds."""
    if not usual_hold:
        return WITHOUT_USUAL
    seconds = min(_TIMES_HOLD * usual_hold, LONGEST.total_seconds())
    return max(SHORTEST, timedelta(seconds=ceil(seconds)))


def propose_session_timeout(situation: Situation) -> Proposal | str | None:
    """The timeout, by approval, or why not; None while there is something that passes, or needs nobody."""
    if not _has_come_again(situation) or is_after_restart(situation):
        return None
    if obstacle := _obstacle(situation):
        return f"Session timeout: {obstacle}."
    database, wave = situation.target.database, next_wave(situation)
    if situation.database is None or not wave:
        return "Session timeout: no leaked session is left that may be ended with it."
    before = situation.database.server.session_timeout
    act = SessionTimeout(
        role=database.role,
        dbname=database.dbname,
        timeout=idle_timeout(_usual_hold(situation)),
        before=before,
        sessions=tuple(session.identity for session in wave),
    )
    return situation.propose(act, effect=_describe(act, wave), risk=_risk(act, wave), asks=True)


def undo(act: SessionTimeout) -> str:
    """The statement that takes it back."""
    change = f"SET {_NAME} = '{act.before}'" if act.before else f"RESET {_NAME}"
    return f"ALTER ROLE {quoted(act.role)} IN DATABASE {quoted(act.dbname)} {change}"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _obstacle(situation: Situation) -> str | None:
    if situation.is_forbidden(Option.SESSION_TIMEOUT):
        return "the policy never allows it"
    if lacking := situation.lacking(Option.SESSION_TIMEOUT):
        return lacking
    if situation.database is None:
        return "the sessions could not be read"
    timeout = idle_timeout(_usual_hold(situation))
    if not any(each.state_seconds > timeout.total_seconds() for each in situation.finding.sessions):
        # Where somebody idles for longer, the server itself has no shorter limit, wherever it may be set.
        return f"nobody has idled for more than {span(timeout)} yet, so the server may have a shorter limit"
    tries = of_option(situation.attempts, Option.SESSION_TIMEOUT)
    if done := [attempt for attempt in tries if may_have_touched(attempt)]:
        return f"it was set at {done[-1].at:%H:%M:%S}"
    return situation.exhaustion(tries)


def _has_come_again(situation: Situation) -> bool:
    """Sessions were ended, that helped, and others have leaked since: a pool that takes no slot back would
    take none back from the server either."""
    ended = [each for each in of_option(situation.attempts, Option.TERMINATE) if may_have_touched(each)]
    has_helped = any(each.helped for each in ended)
    leaked = situation.finding.sessions
    return has_helped and any(session.identity.state_change > ended[-1].at for session in leaked)


def is_after_restart(situation: Situation) -> bool:
    """Whether a restart comes first: one that the policy allows alone, can be done, and was not tried."""
    is_nowhere = not any(instance.container for instance in situation.target.instances)
    if situation.lacking(Option.RESTART) or (is_nowhere and not situation.awaits_nowhere):
        return False
    restarted = any(map(may_have_touched, of_option(situation.attempts, Option.RESTART)))
    return situation.policy.permission(Option.RESTART) is Permission.ALONE and not restarted


def _usual_hold(situation: Situation) -> float | None:
    limit = situation.policy.thresholds.fresh_for
    metrics = value_of(fresh(situation.evidence.metrics, situation.evidence.at, limit))
    measured = number(metrics.usual_hold) if metrics else None
    return situation.target.usual.hold_seconds if measured is None else measured


def _describe(act: SessionTimeout, wave: list[Session]) -> str:
    pids = listed(session.identity.pid for session in wave)
    return (
        f"Set {_NAME} of {act.role} in {act.dbname} to {span(act.timeout)} (set there now: "
        f"{act.before or 'nothing'}), for all sessions that begin from now on, and end the "
        f"{counted(len(wave), 'leaked session')} that began without it, each only if it is still exactly as "
        f"seen: pid {pids}. It stays until somebody takes it back: {undo(act)}"
    )


def _risk(act: SessionTimeout, wave: list[Session]) -> str:
    return (
        f"Work of {act.role} that honestly pauses inside a transaction for more than {span(act.timeout)} is "
        f"ended from now on, too. {describe_risk(wave)}"
    )
