"""A leak: connections checked out and forgotten, idle in transaction."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from workflows.causes.symptoms import Symptoms
from workflows.models.diagnosis import Cause, Finding
from workflows.models.session import Session, SessionIdentity
from workflows.ownership import leakable
from workflows.readings import number
from workflows.wording import counted, listed, percent, span

_SEEN_TWICE = 0.95
_SEEN_ONCE = 0.85
_SUSPECTED = 0.5


@dataclass(frozen=True)
class Held:
    """Connections that look forgotten: certain ones, and those that need more time."""

    certain: tuple[Session, ...]
    """Old enough, and unchanged over two looks where there were two; oldest first."""
    waits: tuple[timedelta, ...]
    """Of each connection that is only suspected: how long until it is certain or dismissed; ascending."""
    lost_slots: int
    """Of the certain ones: checked out in the pool, and without a session on the server."""
    checked_out: int
    """On the instances in question."""
    elsewhere: int
    """The most that the other instances can have checked out: so many of the sessions may be theirs."""
    instances: tuple[str, ...]

    def share(self, held: int) -> float:
        """Which part of the connections checked out so many are at least; 1 at most."""
        return min(max(held - self.elsewhere, 0) / self.checked_out, 1.0) if self.checked_out else 0.0

    @property
    def count(self) -> int:
        """Certain ones, with and without a session."""
        return len(self.certain) + self.lost_slots


def find_leak(symptoms: Symptoms) -> Finding | str:
    """The leak, or a suspicion that time will settle, or why it is none."""
    if symptoms.database is None:
        return "Whether connections leak cannot be told: the sessions could not be read."
    instances = symptoms.exhausted or symptoms.crowded
    if not instances:
        return "No leak: no pool is fuller than recovery allows."
    held = _held(symptoms, instances)
    needed = symptoms.policy.thresholds.leak_share
    if held.count and held.share(held.count) >= needed:
        return _leak(symptoms, held)
    if held.waits and held.share(held.count + len(held.waits)) >= needed:
        return _suspicion(symptoms, held, needed)
    return (
        f"No leak: {held.count} of {counted(held.checked_out, 'connection')} checked out "
        f"are held idle in transaction for more than {span(required_age(symptoms))}; "
        f"a leak is called from {percent(needed)}."
    )


def required_age(symptoms: Symptoms) -> timedelta:
    """Idle for so long, a transaction is forgotten: the policy's age, or several hold times."""
    thresholds = symptoms.policy.thresholds
    least = thresholds.leak_age
    if symptoms.usual_hold is None:
        least = max(least, thresholds.leak_age_without_usual)
    return max(least, _honest_hold(symptoms))


def _honest_hold(symptoms: Symptoms) -> timedelta:
    """Several times what connections are held usually, or now: handlers may be waiting for somebody slow."""
    hold = max(symptoms.usual_hold or 0.0, symptoms.hold_now or 0.0)
    # The longest a person would wait: an absurd measurement must not overflow the arithmetic.
    return timedelta(seconds=min(symptoms.policy.thresholds.leak_hold_factor * hold, 86_400.0))


def _held(symptoms: Symptoms, instances: tuple[str, ...]) -> Held:
    candidates = leakable(symptoms.database.sessions if symptoms.database else (), symptoms.target)
    age, settle = required_age(symptoms), symptoms.policy.pace.settle
    certain = _certain(candidates, symptoms, age)
    suspected = max(symptoms.policy.thresholds.suspect_age, _honest_hold(symptoms)).total_seconds()
    waits = [
        # Subtracted as numbers: an absurd age must not overflow the arithmetic.
        max(timedelta(seconds=max(age.total_seconds() - session.state_seconds, 0.0)), settle)
        for identity, session in candidates.items()
        if identity not in certain and session.state_seconds > suspected
    ]
    is_lost_twice = symptoms.earlier is not None
    return Held(
        certain=tuple(sorted(certain.values(), key=lambda each: each.age_order)),
        waits=tuple(sorted(waits + ([] if is_lost_twice else [settle] * symptoms.lost_slots))),
        lost_slots=symptoms.lost_slots if is_lost_twice else 0,
        checked_out=symptoms.checked_out(instances),
        elsewhere=symptoms.elsewhere(instances),
        instances=instances,
    )


def _certain(
    candidates: dict[SessionIdentity, Session], symptoms: Symptoms, age: timedelta
) -> dict[SessionIdentity, Session]:
    """Old enough, and unchanged over two looks where there were two."""
    earlier = symptoms.earlier
    before = {session.identity for session in earlier.sessions} if earlier else set(candidates)
    return {
        identity: session
        for identity, session in candidates.items()
        if session.state_seconds > age.total_seconds() and identity in before
    }


def _leak(symptoms: Symptoms, held: Held) -> Finding:
    share, doubts = held.share(held.count), _doubts(symptoms)
    return Finding(
        cause=Cause.LEAK,
        confidence=share * (_SEEN_TWICE if symptoms.earlier else _SEEN_ONCE),
        reasons=(*_reasons(symptoms, held), *doubts, *_background(symptoms)),
        instances=held.instances,
        sessions=held.certain,
        share=share,
        doubts=doubts,
    )


def _doubts(symptoms: Symptoms) -> tuple[str, ...]:
    """What else may explain sessions that stand still in a transaction."""
    doubts = []
    ratio, hold, usual = symptoms.hold_ratio, symptoms.hold_now, symptoms.usual_hold
    if ratio is not None and hold and usual and ratio > symptoms.policy.thresholds.hold_factor:
        doubts.append(
            f"Connections do come back, after {span(hold)} instead of {span(usual)}: requests may be "
            "waiting for something else while they hold them, so a person decides."
        )
    if symptoms.unexpected:
        doubts.append(
            f"Not in the configuration, though in the metrics: {listed(symptoms.unexpected)}. Sessions "
            "may belong there, so a person decides."
        )
    return tuple(doubts)


def _reasons(symptoms: Symptoms, held: Held) -> list[str]:
    reasons = [_describe_certain(symptoms, held)] if held.certain else []
    if held.lost_slots:
        reasons.append(
            f"The pools count {counted(held.lost_slots, 'connection')} as checked out that the server "
            "does not have any more: their slots were not given back."
        )
    if written := [session.identity.pid for session in held.certain if session.has_written]:
        reasons.append(f"Have written, and would be rolled back: {listed(written)} (pid).")
    if holders := [session.identity.pid for session in held.certain if session.holds_advisory_lock]:
        reasons.append(f"Hold an advisory lock, which others could take: {listed(holders)} (pid).")
    return reasons


def _describe_certain(symptoms: Symptoms, held: Held) -> str:
    ages = sorted(session.state_seconds for session in held.certain)
    looks = "unchanged over two looks" if symptoms.earlier else "by the server's own record, in one look"
    return (
        f"{counted(len(held.certain), 'session')} idle in transaction for "
        f"{' to '.join(dict.fromkeys((span(ages[0]), span(ages[-1]))))}, {looks}: "
        f"{'at least ' if held.elsewhere else ''}{percent(held.share(len(held.certain)))} of the "
        f"{counted(held.checked_out, 'connection')} checked out on {listed(held.instances)}."
    )


def _suspicion(symptoms: Symptoms, held: Held, needed: float) -> Finding:
    missing = max(ceil(needed * held.checked_out) - held.count, 1)
    suspected = held.count + len(held.waits)
    ripe_in = held.waits[min(missing, len(held.waits)) - 1]
    return Finding(
        cause=Cause.LEAK,
        confidence=held.share(suspected) * _SUSPECTED,
        reasons=(
            (
                f"{counted(suspected, 'connection')} of {held.checked_out} checked out on "
                f"{listed(held.instances)} look forgotten, but not for long enough, or in one look only; "
                f"certain or dismissed in {span(ripe_in)}."
            ),
            *_background(symptoms),
        ),
        instances=held.instances,
        ripe_in=ripe_in,
    )


def _background(symptoms: Symptoms) -> list[str]:
    factor = symptoms.policy.thresholds.leak_hold_factor
    basis = (
        "the usual hold time is not known"
        if symptoms.usual_hold is None
        else f"{factor:g} times the longer hold time, usual or now, is {span(_honest_hold(symptoms))}"
    )
    counters = {name: number(metrics.leaked) for name, metrics in symptoms.metrics.items()}
    return [
        f"Forgotten means idle for more than {span(required_age(symptoms))}; {basis}.",
        *(
            f"{name} itself counted {leaked:.0f} leaked lately."
            for name, leaked in counters.items()
            if leaked
        ),
    ]
