"""Hold-and-wait: requests wait for something else than the database while they hold connections."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from workflows.causes.ages import hold_age, honest_hold, leak_age, suspect_age
from workflows.causes.counts import Counts
from workflows.causes.dismissals import no_pool, untold
from workflows.causes.requests import are_under_way, describe_requests
from workflows.causes.shapes import describe_shapes
from workflows.causes.symptoms import Symptoms
from workflows.contention import describe_contention
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading
from workflows.models.session import Session
from workflows.ownership import leakable, plainly_idle
from workflows.wording import counted, listed, percent, span

_CERTAINTY = 0.9
_SUSPECTED = 0.2


@dataclass(frozen=True)
class Waiting:
    """Connections that are held without work for the database, and what says that they come back."""

    sessions: tuple[Session, ...]
    """Idle in a transaction."""
    aside: int
    """Plain idle, and checked out all the same; at least so many."""
    proof: str

    @property
    def count(self) -> int:
        return len(self.sessions) + self.aside


def find_hold(symptoms: Symptoms) -> Finding | str:
    """Requests that wait for somebody slow, by two looks or by hold times; a suspicion; or why it is not."""
    question = "requests wait while they hold connections"
    if symptoms.database is None:
        return untold(question, "no session could be read")
    if not symptoms.exhausted:
        return no_pool(symptoms, "No hold", question)
    needed = symptoms.policy.thresholds.hold_share
    proofs = (_moving, _late, _under_way)
    found = [prove(symptoms, symptoms.database) for prove in proofs]
    for waiting in found:
        if waiting is not None and _share(symptoms, waiting) >= needed:
            return _hold(symptoms, symptoms.database, waiting)
    return _suspicion(symptoms, symptoms.database) or (
        f"No hold: a hold is called where {percent(needed)} of the connections checked out are idle for more "
        f"than {span(hold_age(symptoms))} without work for the database, and move on between two looks or "
        "come back late."
    )


def is_hold(symptoms: Symptoms) -> bool:
    """Whether it is certain, not only a suspicion."""
    found = find_hold(symptoms)
    return isinstance(found, Finding) and found.ripe_in is None


def _moving(symptoms: Symptoms, database: DatabaseReading) -> Waiting | None:
    """The same connections were idle in a transaction at the look before, and have moved on since."""
    if symptoms.earlier is None:
        return None
    now = {_backend(session): session.identity for session in database.sessions}
    before = _idle_in_transaction(symptoms, symptoms.earlier)
    moved = [each for each in before if now.get(_backend(each), each.identity) != each.identity]
    waiting = _young(_idle_in_transaction(symptoms, database), leak_age(symptoms))
    # At least as many as a growing leak never has: what it holds does not move.
    if not moved or len(moved) < symptoms.policy.thresholds.hold_share * len(waiting):
        return None
    return Waiting(
        sessions=waiting,
        aside=0,
        proof=f"{len(moved)} of {counted(len(before), 'session')} that were idle so at the look before have "
        f"moved on since. {_describe_hold(symptoms)}",
    )


def _late(symptoms: Symptoms, database: DatabaseReading) -> Waiting | None:
    """Connections do come back, and late; none of those counted is older than that explains."""
    ratio, longest = symptoms.hold_ratio, honest_hold(symptoms)
    if ratio is None or ratio <= symptoms.policy.thresholds.hold_factor:
        return None
    return Waiting(
        sessions=_young(_idle_in_transaction(symptoms, database), longest),
        aside=_aside(symptoms, database, longest),
        proof=_describe_hold(symptoms),
    )


def _under_way(symptoms: Symptoms, database: DatabaseReading) -> Waiting | None:
    """Their requests are still under way, however long they have waited: none of them was forgotten."""
    waiting = tuple(_idle_in_transaction(symptoms, database))
    if not are_under_way(symptoms, symptoms.exhausted, len(waiting)):
        return None
    return Waiting(
        sessions=waiting,
        aside=0,
        proof=describe_requests(symptoms, symptoms.exhausted, len(waiting)),
    )


def _aside(symptoms: Symptoms, database: DatabaseReading, longest: timedelta) -> int:
    """Plain idle for as long as a request waits, beyond what the pools count as idle themselves."""
    if symptoms.target.database.transaction_pooler:
        return 0
    every = plainly_idle(database.sessions, symptoms.target).values()
    idle = len(_young(_old(symptoms, every), longest))
    return Counts(symptoms.pools, database.sessions_total, idle, len(every)).held(symptoms.pools)


def _idle_in_transaction(symptoms: Symptoms, database: DatabaseReading) -> list[Session]:
    return _old(symptoms, leakable(database.sessions, symptoms.target).values())


def _old(symptoms: Symptoms, sessions: Iterable[Session]) -> list[Session]:
    """Those that are idle for longer than a request usually holds its connection in all."""
    shortest = hold_age(symptoms).total_seconds()
    return [session for session in sessions if session.state_seconds > shortest]


def _young(sessions: Iterable[Session], longest: timedelta) -> tuple[Session, ...]:
    return tuple(session for session in sessions if session.state_seconds <= longest.total_seconds())


def _backend(session: Session) -> tuple[int, object]:
    return session.identity.pid, session.identity.backend_start


def _share(symptoms: Symptoms, waiting: Waiting) -> float:
    checked_out = symptoms.checked_out(symptoms.exhausted)
    held = max(waiting.count - symptoms.elsewhere(symptoms.exhausted), 0)
    return min(held / checked_out, 1.0) if checked_out > 0 else 0.0


def _hold(symptoms: Symptoms, database: DatabaseReading, waiting: Waiting) -> Finding:
    share = _share(symptoms, waiting)
    contention = describe_contention(database.sessions, symptoms.target)
    return Finding(
        cause=Cause.HOLD,
        confidence=share * _CERTAINTY,
        reasons=(
            _describe_waiting(symptoms, waiting, share),
            waiting.proof,
            *describe_shapes(waiting.sessions, database),
            *([contention] if contention else []),
        ),
        instances=symptoms.exhausted,
        share=share,
    )


def _suspicion(symptoms: Symptoms, database: DatabaseReading) -> Finding | None:
    """One look sees how many are idle, and not whether they move on; older ones are suspected of a leak."""
    young = _young(_idle_in_transaction(symptoms, database), suspect_age(symptoms))
    waiting = Waiting(young, aside=0, proof="")
    share = _share(symptoms, waiting)
    if symptoms.earlier is not None or share < symptoms.policy.thresholds.hold_share:
        return None
    return Finding(
        cause=Cause.HOLD,
        confidence=share * _SUSPECTED,
        reasons=(
            _describe_waiting(symptoms, waiting, share),
            f"Whether they move on another look tells, in {span(symptoms.policy.pace.settle)}.",
        ),
        instances=symptoms.exhausted,
        ripe_in=symptoms.policy.pace.settle,
    )


def _describe_waiting(symptoms: Symptoms, waiting: Waiting, share: float) -> str:
    names = sorted({session.identity.application_name for session in waiting.sessions})
    ages = [session.state_seconds for session in waiting.sessions]
    idle = (
        f"{counted(len(ages), 'session')} of {listed(names)} idle in transaction, for {span(median(ages))} "
        f"in the middle and {span(max(ages))} at most"
        if ages
        else ""
    )
    aside = f"{counted(waiting.aside, 'session')} plain idle, though checked out" if waiting.aside else ""
    return (
        f"Requests hold connections while the database has nothing to do for them: "
        f"{' and '.join(part for part in (idle, aside) if part)}. At least {percent(share)} of the "
        f"{counted(symptoms.checked_out(symptoms.exhausted), 'connection')} checked out on "
        f"{listed(symptoms.exhausted)} are held so."
    )


def _describe_hold(symptoms: Symptoms) -> str:
    now, usual = symptoms.hold_now, symptoms.usual_hold
    if now is None:
        return "After how long connections come back now is not known."
    known = span(usual) if usual else "nothing"
    return f"Connections do come back, after {span(now)}; {known} is known as usual."
