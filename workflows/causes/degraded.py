"""The database server itself is slow, for everybody: nothing that is done to the application would help."""

from collections import Counter

from workflows.causes.dismissals import no_pool, untold
from workflows.causes.shapes import describe_known
from workflows.causes.slow import find_slow
from workflows.causes.symptoms import Symptoms
from workflows.contention import RESOURCE_SHARE, Waits, wait_of, waits_of, waits_to_read, working_sessions
from workflows.exhaustion import describe_pool
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading, ServerReading
from workflows.models.reading import value_of
from workflows.pressure import describe_pressure
from workflows.processors import describe_shortage
from workflows.wording import counted, listed

_CERTAINTY = 0.95
_MAY_READ = (
    "Whether it is this query that keeps the storage busy, its plan tells: without an index it may read a "
    "table that is larger than the memory."
)


def find_degraded(symptoms: Symptoms) -> Finding | str:
    """Most working sessions wait for storage, internal locks, a standby or a processor; or why not so."""
    question = "the database itself is slow"
    if symptoms.database is None:
        return untold(question, "the sessions could not be read")
    if not symptoms.exhausted:
        return no_pool(symptoms, "The database is not called slow", question)
    waits = waits_of(symptoms.database.sessions, symptoms.target)
    if not waits.are_starved:
        return _find_shortage(symptoms, symptoms.database, waits)
    return _finding(symptoms, symptoms.database, waits, sum(waits.starved.values()))


def _find_shortage(symptoms: Symptoms, database: DatabaseReading, waits: Waits) -> Finding | str:
    """Others keep every processor busy, and most working sessions want one; or why that is not so."""
    denial = f"What the sessions wait for shows no slow database: {waits.starvation}"
    shortage = describe_shortage(database, symptoms.target)
    if shortage is None:
        return denial
    if isinstance(find_slow(symptoms), Finding):
        return (
            f"The database is not called slow beside a query that takes many times its usual time: {shortage}"
        )
    held_up = waits.running + sum(waits.starved.values())
    if held_up <= RESOURCE_SHARE * waits.working:
        return f"{denial} {shortage} But few of the application's own want one."
    own = (
        f"{waits.running} of {counted(waits.working, 'working session')} of the application run beside them."
    )
    return _finding(symptoms, database, waits, held_up, shortage, own)


def _finding(
    symptoms: Symptoms, database: DatabaseReading, waits: Waits, held_up: int, *told: str
) -> Finding:
    # Of a few that still work most may wait: then something else holds the rest, and explains more.
    share = min(held_up / symptoms.checked_out(symptoms.exhausted), held_up / waits.working)
    pools = listed(describe_pool(name, symptoms.pools[name]) for name in symptoms.exhausted)
    return Finding(
        cause=Cause.DEGRADED,
        confidence=_CERTAINTY * share,
        reasons=(
            *told,
            waits.starvation,
            *_describe_query(symptoms, database),
            *_describe_standbys(database.server),
            *_describe_server(database),
            f"{pools}.",
        ),
        instances=symptoms.exhausted,
    )


def _describe_query(symptoms: Symptoms, database: DatabaseReading) -> tuple[str, ...]:
    """The one query that most of the own sessions at work run: it may be what the server is slow of."""
    own = working_sessions(database.sessions, symptoms.target)
    active = [each for each in own if each.identity.state == "active"]
    shapes = Counter(each.query_id for each in active if each.query_id is not None)
    query_id, number = max(shapes.items(), key=lambda shape: shape[1], default=(0, 0))
    if not 0 < number >= symptoms.policy.thresholds.slow_share * len(active):
        return ()
    same = [each for each in active if each.query_id == query_id]
    waits = listed(f"{wait} {count}" for wait, count in Counter(map(wait_of, same)).most_common())
    told = (
        f"{number} of {counted(len(active), 'active session')} of the application run the same query, by "
        f"wait: {waits}. It is {describe_known(query_id, database)}."
    )
    reads = sum(waits_to_read(each) for each in same)
    return (told, _MAY_READ) if 2 * reads > number else (told,)


def _describe_standbys(server: ServerReading) -> tuple[str, ...]:
    if server.sync_standbys == 0:
        return ("Every commit waits for a synchronous standby, and none is connected.",)
    return ()


def _describe_server(database: DatabaseReading) -> tuple[str, ...]:
    pressure = value_of(database.pressure)
    return describe_pressure(pressure) if pressure else ()
