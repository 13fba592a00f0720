"""An idle leak: connections checked out and forgotten outside any transaction, plain idle on the server."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from workflows.causes.ages import idle_leak_age, suspect_age
from workflows.causes.counts import Counts
from workflows.causes.dismissals import no_pool, untold
from workflows.causes.leak import describe_background, describe_doubts
from workflows.causes.shapes import describe_shapes
from workflows.causes.symptoms import Symptoms
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading
from workflows.models.reading import Unavailable, value_of
from workflows.models.session import Session
from workflows.ownership import plainly_idle
from workflows.readings import number
from workflows.wording import counted, listed, percent, span

_SEEN_TWICE = 0.95
_SUSPECTED = 0.5
_GUESSED = (
    "They are so many only if requests do not leave a connection idle that they have checked out, "
    "so a person decides."
)


@dataclass(frozen=True)
class Forgotten:
    """Sessions that have been plain idle for long, and what pools and server counted, at each look."""

    idle: tuple[Session, ...]
    """Now, unchanged since the look before; oldest first; the pools' own idle connections are among them."""
    looks: tuple[Counts, ...]
    """The look now first."""

    @property
    def now(self) -> Counts:
        return self.looks[0]

    def certain(self, names: Collection[str]) -> float:
        """Which part of the connections checked out on these instances they are at least, by every look."""
        return self._share(names, min(look.held(names) for look in self.looks))

    def likely(self, names: Collection[str]) -> float:
        """The same, unless requests leave connections idle that they have checked out."""
        return self._share(names, min(look.likely(names) for look in self.looks))

    def _share(self, names: Collection[str], held: int) -> float:
        checked_out = sum(self.now.pools[name].active for name in names)
        return min(held / checked_out, 1.0) if checked_out > 0 else 0.0


def find_idle_leak(symptoms: Symptoms) -> Finding | str:
    """The idle leak, or a suspicion that another look will settle, or why it is none."""
    question = "idle connections are forgotten"
    if symptoms.database is None:
        return untold(question, "the sessions could not be read")
    if symptoms.target.database.transaction_pooler:
        return "No idle leak: behind a transaction pooler the idle sessions are the pooler's own."
    instances = symptoms.exhausted or symptoms.crowded
    if not instances:
        return no_pool(symptoms, "No idle leak", question, "is fuller than recovery allows")
    found = _called(symptoms, symptoms.database, instances) if symptoms.earlier else None
    return (
        found
        or _suspicion(symptoms, symptoms.database, instances)
        or (
            f"No idle leak: what is plain idle on the server for more than {span(idle_leak_age(symptoms))} "
            "is no more than the pools and others may have idle by right."
        )
    )


def _called(symptoms: Symptoms, database: DatabaseReading, instances: tuple[str, ...]) -> Finding | None:
    """On the instances of which it is certain; else where it is likely, for a person to judge."""
    found, needed = _seen_twice(symptoms, database), symptoms.policy.thresholds.leak_share
    guess = [(found.likely, (_GUESSED,))] if _is_stuck(symptoms, instances) else []
    for share, doubts in [(found.certain, ()), *guess]:
        if named := tuple(name for name in instances if share((name,)) >= needed):
            return _idle_leak(symptoms, found, named, min(share((name,)) for name in named), *doubts)
        if share(instances) >= needed:
            return _idle_leak(symptoms, found, instances, share(instances), _which(instances), *doubts)
    return None


def _is_stuck(symptoms: Symptoms, instances: tuple[str, ...]) -> bool:
    """Full for as long as it takes to forget, while what comes back comes back in time."""
    age, ratio = idle_leak_age(symptoms).total_seconds(), symptoms.hold_ratio
    full = [number(symptoms.metrics[name].full_seconds) for name in instances if name in symptoms.metrics]
    is_late = ratio is None or ratio > symptoms.policy.thresholds.hold_factor
    return len(full) == len(instances) and all(each and each >= age for each in full) and not is_late


def _seen_twice(symptoms: Symptoms, database: DatabaseReading) -> Forgotten:
    """Unchanged over two looks: what the look before saw is the same session in the same idleness."""
    age, earlier = idle_leak_age(symptoms).total_seconds(), symptoms.earlier or database
    before = plainly_idle(earlier.sessions, symptoms.target)
    steady = tuple(each for each in _idle_since(symptoms, database, age) if each.identity in before)
    # What was forgotten then and is gone by now, with an instance that was restarted, counts for then.
    then = {each.identity for each in (*steady, *_idle_since(symptoms, earlier, age))}
    counts = Counts(symptoms.earlier_pools, earlier.sessions_total, len(then), len(before))
    return Forgotten(steady, (_count(symptoms, database, steady), counts))


def _count(symptoms: Symptoms, database: DatabaseReading, idle: tuple[Session, ...]) -> Counts:
    every = plainly_idle(database.sessions, symptoms.target)
    return Counts(symptoms.pools, database.sessions_total, len(idle), len(every), _possible(symptoms, idle))


def _possible(symptoms: Symptoms, idle: tuple[Session, ...]) -> dict[str, int]:
    """A session is none of a process that was started after it, however much the clocks may disagree."""
    starts = {name: value_of(page.started_at) for name, page in symptoms.pages.items()}
    slack = symptoms.policy.thresholds.fresh_for
    return {
        name: sum(session.identity.backend_start + slack >= start for session in idle)
        for name, start in starts.items()
        if start is not None
    }


def _idle_since(symptoms: Symptoms, database: DatabaseReading, age: float) -> tuple[Session, ...]:
    """Oldest first."""
    idle = plainly_idle(database.sessions, symptoms.target).values()
    old = (each for each in idle if each.state_seconds > age)
    return tuple(sorted(old, key=lambda each: each.age_order))


def _idle_leak(
    symptoms: Symptoms, found: Forgotten, instances: tuple[str, ...], share: float, *doubts: str
) -> Finding:
    held = round(share * symptoms.checked_out(instances))
    every = (*doubts, *describe_doubts(symptoms, instances, held), *_disagreements(symptoms, found))
    everywhere = symptoms.exhausted or symptoms.crowded
    return Finding(
        cause=Cause.IDLE_LEAK,
        confidence=max(share, found.certain(everywhere)) * _SEEN_TWICE,
        reasons=(
            _describe(symptoms, found, instances, share),
            *every,
            *describe_background(symptoms, idle_leak_age(symptoms)),
            *(describe_shapes(found.idle, symptoms.database) if symptoms.database else ()),
        ),
        instances=instances,
        share=share,
        doubts=every,
    )


def _describe(symptoms: Symptoms, found: Forgotten, instances: tuple[str, ...], share: float) -> str:
    oldest, youngest = found.idle[0].state_seconds, found.idle[-1].state_seconds
    ages = " to ".join(dict.fromkeys((span(youngest), span(oldest))))
    return (
        f"{counted(len(found.idle), 'session')} plain idle for {ages}, unchanged over two looks, while the "
        f"pools count {sum(pool.idle for pool in found.now.pools.values())} of their connections as idle: at "
        f"least {percent(share)} of the {_checked_out(symptoms, instances)} are checked out and forgotten "
        "outside any transaction. No session is ended for it: no pid tells which of the idle ones are the "
        "pool's own."
    )


def _checked_out(symptoms: Symptoms, instances: tuple[str, ...]) -> str:
    each = [
        f"{counted(symptoms.pools[name].active, 'connection')} checked out on {name}" for name in instances
    ]
    return listed(each)


def _which(instances: tuple[str, ...]) -> str:
    return f"On which of {listed(instances)} they are forgotten cannot be told, so a person decides."


def _disagreements(symptoms: Symptoms, found: Forgotten) -> list[str]:
    """Why the counts that all of this rests on may not mean what they seem to."""
    doubts = []
    unread = [name for name, pool in symptoms.readings.items() if isinstance(pool, Unavailable)]
    if unread:
        doubts.append(f"The pool of {listed(unread)} could not be counted, so a person decides.")
    allowed = symptoms.policy.thresholds.leak_share * found.now.checked_out
    if strange := [look for look in found.looks if look.gap >= allowed]:
        doubts.append(
            f"The pools have {counted(strange[0].open, 'connection')} open and the server shows "
            f"{counted(strange[0].sessions, 'session')}: the counts do not agree, so a person decides."
        )
    return doubts


def _suspicion(symptoms: Symptoms, database: DatabaseReading, instances: tuple[str, ...]) -> Finding | None:
    """Enough look forgotten to explain it, but not for long enough, or in one look only."""
    suspects = _idle_since(symptoms, database, suspect_age(symptoms).total_seconds())
    found, needed = Forgotten(suspects, (_count(symptoms, database, suspects),)), _needed(symptoms, instances)
    # As many as others may have idle by right are counted before the first that is forgotten.
    last = needed + len(suspects) - found.now.held(instances)
    if last <= len(suspects):
        return _suspected(symptoms, instances, found.certain(instances), suspects[last - 1].state_seconds)
    old = _idle_since(symptoms, database, idle_leak_age(symptoms).total_seconds())
    guess = Forgotten(old, (_count(symptoms, database, old),))
    if symptoms.earlier is None and guess.now.likely(instances) >= needed and _is_stuck(symptoms, instances):
        return _suspected(symptoms, instances, guess.likely(instances), old[0].state_seconds)
    return None


def _needed(symptoms: Symptoms, instances: tuple[str, ...]) -> int:
    return max(ceil(symptoms.policy.thresholds.leak_share * symptoms.checked_out(instances)), 1)


def _suspected(symptoms: Symptoms, instances: tuple[str, ...], share: float, age: float) -> Finding:
    left = max(idle_leak_age(symptoms).total_seconds() - age, 0.0)
    ripe_in = max(timedelta(seconds=left), symptoms.policy.pace.settle)
    return Finding(
        cause=Cause.IDLE_LEAK,
        confidence=share * _SUSPECTED,
        reasons=(
            (
                f"{percent(share)} of the {_checked_out(symptoms, instances)} are plain idle on the server, "
                f"but not for long enough, or in one look only; certain or dismissed in {span(ripe_in)}."
            ),
            *describe_background(symptoms, idle_leak_age(symptoms)),
        ),
        instances=instances,
        ripe_in=ripe_in,
    )
