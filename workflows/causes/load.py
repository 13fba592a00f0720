"""More work than the pool holds: a spike, or a pool that is too small for the usual work."""

from datetime import timedelta

from workflows.causes.ages import leak_age
from workflows.causes.capacity import find_lost_capacity
from workflows.causes.dismissals import no_pool, untold
from workflows.causes.hold import find_hold
from workflows.causes.idle_leak import find_idle_leak
from workflows.causes.leak import find_leak
from workflows.causes.slow import describe_lesser, find_slow
from workflows.causes.symptoms import Symptoms
from workflows.contention import describe_contention
from workflows.exhaustion import describe_pool
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading
from workflows.ownership import is_own
from workflows.processors import describe_shortage
from workflows.readings import number
from workflows.wording import counted, listed, percent, span

_BOTH_KNOWN = 0.8
_LESS_FOR_EACH_UNKNOWN = 0.2
_NOT_YET = 0.5
_RISING = 1.25
"""Times the usual hold time: hold times are known of what came back, and late of who waits for long."""


def find_spike(symptoms: Symptoms) -> Finding | str:
    """Traffic far above the usual at usual hold times, or why it is none."""
    denial, question = "No spike", "traffic is the cause"
    if obstacle := _obstacle(symptoms, denial, question):
        return obstacle
    rate, ratio = _rate(symptoms), symptoms.traffic_ratio
    if ratio is None:
        return untold(question, "it could not be compared with the usual: one of the two is not known")
    if ratio <= symptoms.policy.thresholds.spike_factor:
        return f"{denial}: {_describe_traffic(symptoms)}"
    return Finding(
        cause=Cause.SPIKE,
        confidence=_BOTH_KNOWN - (_LESS_FOR_EACH_UNKNOWN if symptoms.hold_ratio is None else 0),
        reasons=(
            (
                f"{rate:.1f} requests/s, {ratio:.1f} times the usual {symptoms.usual_rate:.1f}; "
                f"a spike is called above {symptoms.policy.thresholds.spike_factor:g} times."
            ),
            _describe_hold(symptoms),
            *_describe_pools(symptoms),
        ),
        instances=symptoms.exhausted,
        doubts=_doubts(symptoms),
    )


def find_undersized(symptoms: Symptoms) -> Finding | str:
    """Full for long at usual traffic and usual hold times, or why it is not that."""
    denial, question = "Not undersized", "the pool is too small for the usual work"
    if obstacle := _obstacle(symptoms, denial, question):
        return obstacle
    ratio, full = symptoms.traffic_ratio, _full_seconds(symptoms)
    if ratio is not None and ratio > symptoms.policy.thresholds.spike_factor:
        return f"{denial}: {_describe_traffic(symptoms)}"
    if full is None:
        return untold(question, "for how long it has been full could not be read")
    left = symptoms.policy.thresholds.full_for.total_seconds() - full
    unknown = [ratio, symptoms.hold_ratio].count(None)
    confidence = _BOTH_KNOWN - _LESS_FOR_EACH_UNKNOWN * unknown
    return Finding(
        cause=Cause.UNDERSIZED,
        confidence=confidence * (_NOT_YET if left > 0 else 1),
        reasons=(
            (
                f"Full for {span(full)} without a break; undersized is called from "
                f"{span(symptoms.policy.thresholds.full_for)}."
            ),
            _describe_traffic(symptoms),
            _describe_hold(symptoms),
            *_describe_pools(symptoms),
            str(find_leak(symptoms)),
        ),
        instances=symptoms.exhausted,
        doubts=_doubts(symptoms),
        ripe_in=timedelta(seconds=left) if left > 0 else None,
    )


def _obstacle(symptoms: Symptoms, denial: str, question: str) -> str | None:
    """The sentence that says what else holds the connections, or why that cannot be told."""
    if not symptoms.exhausted:
        return no_pool(symptoms, denial, question)
    if symptoms.database is None:
        return untold(question, "without the sessions, a leak cannot be ruled out")
    other = _other(symptoms, symptoms.database)
    return f"{denial}: {other}" if other else None


def _other(symptoms: Symptoms, database: DatabaseReading) -> str | None:
    """What else holds the connections."""
    if any(isinstance(find(symptoms), Finding) for find in (find_leak, find_idle_leak)):
        return "connections that look forgotten explain it."
    if isinstance(find_hold(symptoms), Finding):
        return "requests that wait for something else while they hold connections explain it."
    if isinstance(find_slow(symptoms), Finding):
        return "a query that takes many times its usual time explains it."
    if isinstance(find_lost_capacity(symptoms), Finding):
        return "capacity is lost."
    waits = describe_contention(database.sessions, symptoms.target)
    waits = waits or describe_shortage(database, symptoms.target)
    return waits or describe_lesser(symptoms) or _slowness(symptoms) or _stillness(symptoms)


def _slowness(symptoms: Symptoms) -> str | None:
    ratio, factor = symptoms.hold_ratio, symptoms.policy.thresholds.hold_factor
    if ratio is None or ratio <= _RISING:
        return None
    if ratio > factor:
        return f"connections are held {ratio:.1f} times as long as usual: something is slow."
    if symptoms.is_first and symptoms.awaits_rising:
        return (
            f"connections are held {ratio:.1f} times as long as usual, which something slow may have begun: "
            "another look tells."
        )
    return None


def _stillness(symptoms: Symptoms) -> str | None:
    """Sessions that have not moved for long hold connections for unusually long, whatever the reason."""
    sessions = symptoms.database.sessions if symptoms.database else ()
    age = leak_age(symptoms).total_seconds()
    still = [
        session
        for session in sessions
        if is_own(session.identity, symptoms.target) and session.state_seconds > age
    ]
    idle = sum(session.identity.state == "idle" for session in still)
    # A pool's own idle connections are idle for long by right.
    held = len(still) - idle + max(idle - sum(pool.idle for pool in symptoms.pools.values()), 0)
    checked_out = symptoms.checked_out(symptoms.exhausted)
    if held == 0 or held < symptoms.policy.thresholds.leak_share * checked_out:
        return None
    return (
        f"{counted(held, 'connection')} of {checked_out} checked out have done nothing new for more than "
        f"{span(age)} ({idle} of these sessions plain idle)."
    )


def _rate(symptoms: Symptoms) -> float | None:
    return number(symptoms.traffic.request_rate) if symptoms.traffic else None


def _full_seconds(symptoms: Symptoms) -> float | None:
    found = [
        number(symptoms.metrics[name].full_seconds) for name in symptoms.exhausted if name in symptoms.metrics
    ]
    return max((full for full in found if full is not None), default=None)


def _doubts(symptoms: Symptoms) -> tuple[str, ...]:
    """What is not known of work that is said to be the usual."""
    unknown = {
        _describe_traffic(symptoms): symptoms.traffic_ratio,
        _describe_hold(symptoms): symptoms.hold_ratio,
    }
    return tuple(sentence for sentence, ratio in unknown.items() if ratio is None)


def _describe_traffic(symptoms: Symptoms) -> str:
    ratio = symptoms.traffic_ratio
    if ratio is None:
        return "Traffic cannot be compared with the usual: one of the two is not known."
    return f"Traffic is {percent(ratio)} of the usual {symptoms.usual_rate:.1f} requests/s."


def _describe_hold(symptoms: Symptoms) -> str:
    ratio = symptoms.hold_ratio
    if ratio is None or symptoms.usual_hold is None:
        return "Hold times cannot be compared with the usual: one of the two is not known."
    return f"Connections are held {percent(ratio)} of the usual {span(symptoms.usual_hold)}."


def _describe_pools(symptoms: Symptoms) -> list[str]:
    return [f"{listed(describe_pool(name, symptoms.pools[name]) for name in symptoms.exhausted)}."]
