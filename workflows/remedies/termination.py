"""End exactly the leaked sessions, in small waves (runbook, option 2, corrected)."""

from collections.abc import Iterable
from dataclasses import replace
from math import floor

from workflows.attempts import of_option, rest_of_wave, told_to_end
from workflows.front import risk_of_ending
from workflows.models.diagnosis import Cause, Finding
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import Proposal, Termination
from workflows.models.policy import Limits, Option, Permission
from workflows.models.reading import value_of
from workflows.models.session import Session, SessionIdentity
from workflows.ownership import leakable
from workflows.remedies.situation import Situation
from workflows.wording import counted, listed, span


def propose_termination(situation: Situation) -> Proposal | str:
    """The next wave, or why no session is ended."""
    if obstacle := obstacle_to_end(situation) or _futility(situation):
        return f"End leaked sessions: {obstacle}."
    leaked = _leaked(situation)
    if not leaked:
        return "End leaked sessions: there is none left that may be ended."
    wave = _wave(situation, leaked)
    if not wave:
        return "End leaked sessions: the policy's share of the sessions allows none at once."
    sessions, every = _identities(wave), _identities(leaked)
    return situation.propose(
        Termination(sessions=sessions, rest=tuple(each for each in every if each not in set(sessions))),
        effect=_describe(situation, wave, len(leaked)),
        risk=describe_risk(wave),
        asks=any(session.loses_something for session in wave),
    )


def propose_end_of_root(situation: Situation) -> Proposal | str:
    """The one session that the others wait behind, or why it is left to people."""
    if not situation.finding.sessions:
        return "End the session in front: none of the target's own stands there forgotten."
    proposal = propose_termination(situation)
    return proposal if isinstance(proposal, str) else _with_risk_of_root(situation, proposal)


def _with_risk_of_root(situation: Situation, proposal: Proposal) -> Proposal:
    blockers = value_of(situation.database.blockers) if situation.database else None
    roots = {session.identity.pid for session in situation.finding.sessions}
    risks = [risk_of_ending(blocker) for blocker in blockers or () if blocker.pid in roots]
    return proposal.model_copy(update={"risk": " ".join(filter(None, (proposal.risk, *risks)))})


def propose_rest(situation: Situation) -> Proposal | str | None:
    """The next wave of a leak of which some was just ended; None where nothing of it is left."""
    rest = rest_of_wave(situation.attempts, situation.policy, situation.now)
    left = [session for identity, session in _evident(situation).items() if identity in rest]
    if not left:
        return None
    reason = (
        f"{counted(len(left), 'session')} of the leak are left after {situation.attempts[-1].at:%H:%M:%S}."
    )
    finding = Finding(cause=Cause.LEAK, confidence=1.0, reasons=(reason,), sessions=tuple(left))
    return propose_termination(replace(situation, finding=finding))


def next_wave(situation: Situation) -> list[Session]:
    """The leaked sessions that one act may end, the oldest first, when a person decides about all of them."""
    total = situation.database.sessions_total if situation.database else 0
    return _leaked(situation)[: most_at_once(situation.policy.limits, total)]


def most_at_once(limits: Limits, sessions_total: int) -> int:
    """How many sessions one act may end, by count and by share of the application's sessions."""
    return min(limits.sessions_per_act, floor(limits.share_of_sessions * sessions_total))


def obstacle_to_end(situation: Situation) -> str | None:
    """Why no session at all may be ended now."""
    if situation.is_forbidden(Option.TERMINATE):
        return "the policy never allows it"
    if lacking := situation.lacking(Option.TERMINATE):
        return lacking
    if situation.database is None:
        return "the sessions could not be read"
    return situation.exhaustion(of_option(situation.attempts, Option.TERMINATE))


def _futility(situation: Situation) -> str | None:
    """Why another wave would help no more than the last."""
    tries = of_option(situation.attempts, Option.TERMINATE)
    if not tries or tries[-1].outcome.status is OutcomeStatus.NOTHING or situation.database is None:
        return None
    ended = sum(touched.changed for touched in tries[-1].outcome.touched)
    kept = sum(pool.active for pool in situation.pools.values()) - situation.database.sessions_total
    if ended and kept * 2 > ended:
        return (
            f"{counted(ended, 'session')} ended at {tries[-1].at:%H:%M:%S}, but the pool did not take "
            f"the slots back: it counts {kept} connections more than the server has"
        )
    if tries[-1].helped is False and not _rest_of_wave(situation, tries[-1]):
        return f"it did not help at {tries[-1].at:%H:%M:%S}, and nothing of what was leaked then is left"
    return None


def _rest_of_wave(situation: Situation, last: Attempt) -> list[Session]:
    """Those that were idle then already, by the server's own count: its clock is not Temporal's."""
    then = (situation.evidence.at - last.at).total_seconds()
    return [session for session in _leaked(situation) if session.state_seconds > then]


def _leaked(situation: Situation) -> list[Session]:
    """Of the finding's sessions those that the evidence shows as own; none that outlived its ending."""
    survivors, evident = told_to_end(situation.attempts), _evident(situation)
    return [
        evident[session.identity]
        for session in _oldest_first(situation.finding.sessions)
        if session.identity in evident and session.identity not in survivors
    ]


def _evident(situation: Situation) -> dict[SessionIdentity, Session]:
    sessions = situation.database.sessions if situation.database else ()
    return leakable(sessions, situation.target)


def _oldest_first(sessions: Iterable[Session]) -> list[Session]:
    return sorted(sessions, key=lambda each: each.age_order)


def _identities(sessions: Iterable[Session]) -> tuple[SessionIdentity, ...]:
    return tuple(session.identity for session in sessions)


def _wave(situation: Situation, leaked: list[Session]) -> list[Session]:
    """Oldest first; those that lose something wait for their own approval unless all need one."""
    total = situation.database.sessions_total if situation.database else 0
    readers = [session for session in leaked if not session.loses_something]
    alone = situation.policy.permission(Option.TERMINATE) is Permission.ALONE
    chosen = readers if alone and readers else leaked
    return chosen[: most_at_once(situation.policy.limits, total)]


def _describe(situation: Situation, wave: list[Session], leaked: int) -> str:
    database = situation.target.database
    rest = leaked - len(wave)
    ages = sorted(session.state_seconds for session in wave)
    kinds = dict.fromkeys(
        f"{session.identity.application_name}, {session.identity.state}" for session in wave
    )
    age = " to ".join(dict.fromkeys((span(ages[0]), span(ages[-1]))))
    return (
        f"End {counted(len(wave), 'session')} of {database.role} in {database.dbname} "
        f"({listed(kinds)}, for {age}), each only if it is still exactly as seen: "
        f"pid {listed(map(_name, wave))}."
        f"{f' {counted(rest, "leaked session")} would be left for after a look.' if rest else ''}"
    )


def _name(session: Session) -> str:
    written = " (has written)" if session.has_written else ""
    locks = " (holds an advisory lock)" if session.holds_advisory_lock else ""
    return f"{session.identity.pid}{written}{locks}"


def describe_risk(wave: list[Session]) -> str:
    """What is lost by ending them."""
    written = [session.identity.pid for session in wave if session.has_written]
    lost = f" The uncommitted changes of {listed(written)} (pid) are lost." if written else ""
    if holders := [session.identity.pid for session in wave if session.holds_advisory_lock]:
        lost += f" The advisory locks of {listed(holders)} (pid) are free for others at once."
    return f"Their transactions are rolled back; code that still uses one of them gets an error.{lost}"
