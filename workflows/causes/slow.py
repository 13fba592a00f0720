"""A slow query: one shape holds the connections, each of its statements for many times its usual time."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from workflows.causes.dismissals import no_pool, untold
from workflows.causes.lock import doubts_of_ownership
from workflows.causes.shapes import FEWEST_CALLS, describe_shape, slow_part, usual_seconds
from workflows.causes.symptoms import Symptoms
from workflows.contention import describe_contention, working_sessions
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading, StatementReading
from workflows.models.reading import Unavailable, value_of
from workflows.models.session import Session
from workflows.ownership import cancellable
from workflows.pressure import is_starved
from workflows.processors import describe_shortage
from workflows.wording import counted, listed, percent, span

_CERTAINTY = 0.9
_SUSPECTED = 0.2
_OFTEN = 0.1
"""From this part of the calls on, to take so long is nothing new for a shape."""


@dataclass(frozen=True)
class Crowd:
    """The statements of one shape that run now."""

    shape: StatementReading
    sessions: tuple[Session, ...]
    """The longest first."""
    late: float
    """Seconds: `slow_factor` times the usual time of their shape."""
    limit: float
    """Seconds from which one of them is called slow."""
    active: int
    """Own sessions that run anything."""

    @property
    def slow(self) -> tuple[Session, ...]:
        """Those that have run for long enough."""
        return self.longer_than(self.limit)

    @property
    def young(self) -> int:
        """How many may become slow yet."""
        return len(self.sessions) - len(self.slow)

    def longer_than(self, seconds: float) -> tuple[Session, ...]:
        """Those that have run for longer."""
        return tuple(each for each in self.sessions if each.state_seconds > seconds)


def find_slow(symptoms: Symptoms) -> Finding | str:
    """One shape that most active sessions run for too long; a suspicion of it; or why there is none."""
    question = "a query is slow"
    if symptoms.database is None:
        return untold(question, "the sessions could not be read")
    if not symptoms.exhausted:
        return no_pool(symptoms, "No slow query", question)
    if held_up := describe_contention(symptoms.database.sessions, symptoms.target):
        return f"No slow query is called while the database holds everybody up: {held_up}"
    if isinstance(symptoms.database.statements, Unavailable):
        why = f"how long queries usually take could not be read ({symptoms.database.statements.reason})"
        return untold(question, why)
    crowd = _crowd(symptoms, symptoms.database)
    if isinstance(crowd, str):
        return f"No slow query: {crowd}"
    if _explains(symptoms, crowd, len(crowd.slow)):
        return _finding(symptoms, symptoms.database, crowd)
    if _is_suspect(symptoms, crowd) and not _was_suspected(symptoms):
        return _suspicion(symptoms, crowd)
    return (
        f"No slow query: {len(crowd.slow)} of {counted(crowd.active, 'active session')} run query "
        f"{crowd.shape.query_id} for more than {span(crowd.limit)}; one is called slow from "
        f"{percent(symptoms.policy.thresholds.slow_share)} of them, and of what is checked out."
    )


def describe_lesser(symptoms: Symptoms) -> str | None:
    """A slow query that holds too little to be the cause, and too much for usual work; None if none."""
    crowd = _crowd(symptoms, symptoms.database) if symptoms.database else "no session could be read."
    checked_out = symptoms.checked_out(symptoms.exhausted)
    if isinstance(crowd, str) or not crowd.slow:
        return None
    if len(crowd.slow) < symptoms.policy.thresholds.leak_share * checked_out:
        return None
    return (
        f"{counted(len(crowd.slow), 'session')} for {checked_out} connections checked out run query "
        f"{crowd.shape.query_id} for more than {span(crowd.limit)}: something is slow."
    )


def _crowd(symptoms: Symptoms, database: DatabaseReading) -> Crowd | str:
    """The most frequent shape of the statements that run."""
    if isinstance(database.statements, Unavailable):
        return f"how long queries usually take could not be read ({database.statements.reason})."
    running = cancellable(database.sessions, symptoms.target).values()
    shapes = Counter(each.query_id for each in running if each.query_id is not None)
    if not shapes:
        return "no session runs one of which the server shows the shape."
    query_id = shapes.most_common(1)[0][0]
    known = {shape.query_id: shape for shape in database.statements.value}
    shape = known.get(query_id)
    if shape is None or shape.calls < FEWEST_CALLS:
        return f"how long query {query_id} usually takes is not known from {FEWEST_CALLS} calls or more."
    own = working_sessions(database.sessions, symptoms.target)
    same = [each for each in running if each.query_id == query_id]
    return Crowd(
        shape=shape,
        sessions=tuple(sorted(same, key=lambda each: (-each.state_seconds, each.identity.pid))),
        late=symptoms.policy.thresholds.slow_factor * usual_seconds(shape),
        limit=_limit(symptoms, shape),
        active=sum(each.identity.state == "active" for each in own),
    )


def _limit(symptoms: Symptoms, shape: StatementReading) -> float:
    thresholds = symptoms.policy.thresholds
    return max(thresholds.slow_factor * usual_seconds(shape), thresholds.slow_age.total_seconds())


def _explains(symptoms: Symptoms, crowd: Crowd, number: int) -> bool:
    share = symptoms.policy.thresholds.slow_share
    return 0 < number >= share * crowd.active and _share(symptoms, number) >= share


def _is_suspect(symptoms: Symptoms, crowd: Crowd) -> bool:
    """Late already; or all of one shape while connections come back late: they may have begun together."""
    ratio = symptoms.hold_ratio
    comes_back_late = ratio is not None and ratio > symptoms.policy.thresholds.hold_factor
    number = len(crowd.sessions if comes_back_late else crowd.longer_than(crowd.late))
    return _explains(symptoms, crowd, number)


def _was_suspected(symptoms: Symptoms) -> bool:
    """Those that looked so at the look before have come to their end in time, and others take their place."""
    crowd = _crowd(symptoms, symptoms.earlier) if symptoms.earlier else "there was no look before."
    return isinstance(crowd, Crowd) and _explains(symptoms, crowd, crowd.young)


def _share(symptoms: Symptoms, number: int) -> float:
    """Of the connections checked out, at least: the other instances may run as many of them."""
    held = max(number - symptoms.elsewhere(symptoms.exhausted), 0)
    checked_out = symptoms.checked_out(symptoms.exhausted)
    return min(held / checked_out, 1.0) if checked_out > 0 else 0.0


def _finding(symptoms: Symptoms, database: DatabaseReading, crowd: Crowd) -> Finding:
    share = _share(symptoms, len(crowd.slow))
    doubts = (*_doubts(symptoms, database, crowd), *doubts_of_ownership(symptoms))
    return Finding(
        cause=Cause.SLOW,
        confidence=share * _CERTAINTY,
        reasons=(
            _describe(symptoms, crowd, share),
            _describe_usual(symptoms, crowd),
            *_describe_writers(crowd),
            *doubts,
        ),
        instances=symptoms.exhausted,
        sessions=crowd.slow,
        query_id=crowd.shape.query_id,
        share=share,
        doubts=doubts,
    )


def _suspicion(symptoms: Symptoms, crowd: Crowd) -> Finding:
    needed = max(ceil(symptoms.policy.thresholds.slow_share * crowd.active), 1)
    youngest = crowd.sessions[min(needed, len(crowd.sessions)) - 1]
    left = timedelta(seconds=max(crowd.limit - youngest.state_seconds, 0.0))
    share = _share(symptoms, len(crowd.sessions))
    return Finding(
        cause=Cause.SLOW,
        confidence=share * _SUSPECTED,
        reasons=(
            (
                f"{counted(len(crowd.sessions), 'session')} of {crowd.active} active run "
                f"{describe_shape(crowd.shape)}, and few of them for more than {span(crowd.limit)} yet."
            ),
            _describe_usual(symptoms, crowd),
        ),
        instances=symptoms.exhausted,
        query_id=crowd.shape.query_id,
        ripe_in=max(left, symptoms.policy.pace.settle),
    )


def _doubts(symptoms: Symptoms, database: DatabaseReading, crowd: Crowd) -> tuple[str, ...]:
    """What else may make an honest query take so long."""
    doubts = []
    ratio, factor = symptoms.traffic_ratio, symptoms.policy.thresholds.spike_factor
    if ratio is None or ratio > factor:
        traffic = "not known" if ratio is None else f"{percent(ratio)} of the usual"
        doubts.append(f"Traffic is {traffic}: the server may just have too much to do, so a person decides.")
    pressure = value_of(database.pressure)
    if pressure and is_starved(pressure):
        doubts.append(
            f"Most statements of the whole server wait for storage or internal locks "
            f"({listed(f'{kind} {count}' for kind, count in pressure.waits.items())}): the server itself may "
            "be slow, so a person decides."
        )
    if shortage := describe_shortage(database, symptoms.target):
        doubts.append(f"{shortage} The server itself may be slow, so a person decides.")
    if others := _others(symptoms, database, crowd):
        doubts.append(
            f"Other queries take many times their usual time as well ({listed(others)}): the server itself "
            "may be slow, so a person decides."
        )
    if (part := slow_part(crowd.shape)) >= _OFTEN:
        doubts.append(
            f"{percent(part)} of its calls took about as long before: that may be usual for some of them, so "
            "a person decides."
        )
    return tuple(doubts)


def _others(symptoms: Symptoms, database: DatabaseReading, crowd: Crowd) -> list[str]:
    """Queries of other shapes that are called slow by the same measure."""
    if isinstance(database.statements, Unavailable):
        return []
    usual = {each.query_id: each for each in database.statements.value if each.calls >= FEWEST_CALLS}
    usual.pop(crowd.shape.query_id, None)
    running = cancellable(database.sessions, symptoms.target).values()
    late = {
        each.query_id
        for each in running
        if each.query_id in usual and each.state_seconds > _limit(symptoms, usual[each.query_id])
    }
    return [f"query {query_id}" for query_id in sorted(late)]


def _describe(symptoms: Symptoms, crowd: Crowd, share: float) -> str:
    ages = [each.state_seconds for each in crowd.slow]
    age = " to ".join(dict.fromkeys((span(min(ages)), span(max(ages)))))
    return (
        f"{len(crowd.slow)} of {counted(crowd.active, 'active session')} run the same query, for {age}: at "
        f"least {percent(share)} of the {counted(symptoms.checked_out(symptoms.exhausted), 'connection')} "
        f"checked out on {listed(symptoms.exhausted)}. It is {describe_shape(crowd.shape)}."
    )


def _describe_usual(symptoms: Symptoms, crowd: Crowd) -> str:
    thresholds = symptoms.policy.thresholds
    return (
        f"Usually it takes {span(usual_seconds(crowd.shape))}, by {counted(crowd.shape.calls, 'call')}; slow "
        f"is called from {thresholds.slow_factor:g} times that, and {span(thresholds.slow_age)}."
    )


def _describe_writers(crowd: Crowd) -> list[str]:
    pids = [each.identity.pid for each in crowd.slow if each.loses_something or not each.reads_only]
    return [f"Not known to be a query that only reads: {listed(pids)} (pid)."] if pids else []
