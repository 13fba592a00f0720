"""A leak: connections checked out and forgotten, idle in transaction."""

from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil

from workflows.causes.ages import describe_age, leak_age, suspect_age
from workflows.causes.dismissals import no_pool, untold
from workflows.causes.hold import is_hold
from workflows.causes.requests import are_under_way, describe_requests, may_be_under_way
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
    """The most that the other instances can have checked out: so many of these may be theirs."""
    held_elsewhere: int
    """The most of the certain ones with a session that may be theirs."""
    instances: tuple[str, ...]

    @property
    def count(self) -> int:
        """Certain ones, with and without a session."""
        return len(self.certain) + self.lost_slots

    @property
    def share_of_sessions(self) -> float:
        """Which part of the connections checked out the certain ones with a session are at least."""
        return self._part(len(self.certain) - self.held_elsewhere)

    @property
    def certain_share(self) -> float:
        """Which part of the connections checked out the certain ones are at least."""
        return max(self.share_of_sessions, self.share(self.count))

    def share(self, held: int) -> float:
        """Which part any so many are at least that are checked out now; 1 at most."""
        return self._part(held - self.elsewhere)

    def _part(self, ours: int) -> float:
        return min(max(ours, 0) / self.checked_out, 1.0) if self.checked_out else 0.0


def find_leak(symptoms: Symptoms) -> Finding | str:
    """The leak, or a suspicion that time will settle, or why it is none."""
    if symptoms.database is None:
        return untold("connections leak", "the sessions could not be read")
    instances = symptoms.exhausted or symptoms.crowded
    if not instances:
        return no_pool(symptoms, "No leak", "connections leak", "is fuller than recovery allows")
    held = _held(symptoms, instances)
    needed = symptoms.policy.thresholds.leak_share
    suspects = held.count + len(held.waits)
    if held.share(suspects) >= needed and are_under_way(symptoms, instances, suspects):
        return f"No leak: {describe_requests(symptoms, instances, suspects)}"
    if held.count and held.certain_share >= needed:
        return _leak(symptoms, held)
    if held.waits and held.share(suspects) >= needed and not is_hold(symptoms):
        return _suspicion(symptoms, held, needed)
    if held.elsewhere and held.count and held.count >= held.checked_out * needed:
        seen = f"{held.count} sessions are held idle in transaction for more than {span(leak_age(symptoms))}"
        return untold("connections leak", f"{seen}, and as many may be of instances that could not be read")
    return (
        f"No leak: {held.count} of {counted(held.checked_out, 'connection')} checked out "
        f"are held idle in transaction for more than {span(leak_age(symptoms))}; "
        f"a leak is called from {percent(needed)}."
    )


def _held(symptoms: Symptoms, instances: tuple[str, ...]) -> Held:
    candidates = leakable(symptoms.database.sessions if symptoms.database else (), symptoms.target)
    settle = symptoms.policy.pace.settle
    forgotten = certain(candidates, symptoms)
    others = [session for identity, session in candidates.items() if identity not in forgotten]
    ripening = (ripens_in(session, symptoms) for session in others)
    waits = [wait for wait in ripening if wait is not None]
    is_lost_twice = symptoms.earlier is not None
    return Held(
        certain=tuple(sorted(forgotten.values(), key=lambda each: each.age_order)),
        waits=tuple(sorted(waits + ([] if is_lost_twice else [settle] * symptoms.lost_slots))),
        lost_slots=symptoms.lost_slots if is_lost_twice else 0,
        checked_out=symptoms.checked_out(instances),
        elsewhere=symptoms.elsewhere(instances),
        held_elsewhere=symptoms.elsewhere(instances, held=True),
        instances=instances,
    )


def certain(candidates: dict[SessionIdentity, Session], symptoms: Symptoms) -> dict[SessionIdentity, Session]:
    """Old enough, and unchanged over two looks where there were two."""
    earlier, age = symptoms.earlier, leak_age(symptoms)
    before = {session.identity for session in earlier.sessions} if earlier else set(candidates)
    return {
        identity: session
        for identity, session in candidates.items()
        if session.state_seconds > age.total_seconds() and identity in before
    }


def ripens_in(session: Session, symptoms: Symptoms) -> timedelta | None:
    """How long until one that is not certain is, or is dismissed; None where it has just begun to idle."""
    suspected = suspect_age(symptoms).total_seconds()
    if not session.state_seconds > suspected:
        return None
    # Subtracted as numbers: an absurd age must not overflow the arithmetic.
    left = max(leak_age(symptoms).total_seconds() - session.state_seconds, 0.0)
    return max(timedelta(seconds=left), symptoms.policy.pace.settle)


def _leak(symptoms: Symptoms, held: Held) -> Finding:
    held, young = _proven(symptoms, held)
    share = held.certain_share
    doubts = (*young, *describe_doubts(symptoms, held.instances, held.count))
    return Finding(
        cause=Cause.LEAK,
        confidence=share * (_SEEN_TWICE if symptoms.earlier else _SEEN_ONCE),
        reasons=(*_reasons(symptoms, held), *doubts, *describe_background(symptoms, leak_age(symptoms))),
        instances=held.instances,
        sessions=held.certain,
        share=share,
        doubts=doubts,
    )


def _proven(symptoms: Symptoms, held: Held) -> tuple[Held, tuple[str, ...]]:
    """Those that no hanging partner explains; or all, and the doubt, where requests are not counted."""
    alone = symptoms.policy.thresholds.leak_age_alone
    if alone is None or symptoms.abandoned(held.instances) is not None:
        return held, ()
    old = [session for session in held.certain if session.state_seconds > alone.total_seconds()]
    proven = replace(held, certain=tuple(old))
    if old and proven.certain_share >= symptoms.policy.thresholds.leak_share:
        return proven, ()
    doubt = (
        "The application does not tell how many requests are under way, and a partner that hangs makes "
        f"honest ones look like this: before they have idled for {span(alone)}, a person decides."
    )
    return held, (doubt,)


def describe_doubts(symptoms: Symptoms, instances: tuple[str, ...], held: int) -> tuple[str, ...]:
    """What else may explain so many sessions that stand still there."""
    doubts = []
    if may_be_under_way(symptoms, instances, held):
        doubts.append(f"{describe_requests(symptoms, instances, held)} So a person decides.")
    ratio, hold, usual = symptoms.hold_ratio, symptoms.hold_now, symptoms.usual_hold
    if ratio is not None and hold and usual and ratio > symptoms.policy.thresholds.hold_factor:
        doubts.append(
            f"Connections do come back, after {span(hold)} instead of {span(usual)}: requests may be "
            "waiting for something else while they hold them, so a person decides."
        )
    elif is_hold(symptoms):
        doubts.append(
            "Other requests wait for something else while they hold connections, and these may do so too: "
            "a person decides."
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
        f"{'at least ' if held.held_elsewhere else ''}{percent(held.share_of_sessions)} of the "
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
            *describe_background(symptoms, leak_age(symptoms)),
        ),
        instances=held.instances,
        ripe_in=ripe_in,
    )


def describe_background(symptoms: Symptoms, age: timedelta) -> list[str]:
    """What counts as forgotten, and what the application itself counted."""
    counters = {name: number(metrics.leaked) for name, metrics in symptoms.metrics.items()}
    return [
        describe_age(symptoms, age),
        *(
            f"{name} itself counted {leaked:.0f} leaked lately."
            for name, leaked in counters.items()
            if leaked
        ),
    ]
