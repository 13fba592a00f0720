"""The database server itself is slow, for everybody: nothing that is done to the application would help."""

from collections import Counter

from workflows.causes.dismissals import no_pool, untold
from workflows.causes.shapes import describe_known
from workflows.causes.symptoms import Symptoms
from workflows.contention import wait_of, waits_of, waits_to_read, working_sessions
from workflows.exhaustion import describe_pool
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading, ServerReading
from workflows.models.reading import value_of
from workflows.pressure import describe_pressure
from workflows.wording import counted, listed

_CERTAINTY = 0.95
_MAY_READ = (
    "Whether it is this query that keeps the storage busy, its plan tells: without an index it may read a "
    "table that is larger than the memory."
)


def find_degraded(symptoms: Symptoms) -> Finding | str:
    """Most working sessions wait for storage, internal locks or a standby; or why that is not so."""
    question = "the database itself is slow"
    if symptoms.database is None:
        return untold(question, "the sessions could not be read")
    if not symptoms.exhausted:
        return no_pool(symptoms, "The database is not called slow", question)
    waits = waits_of(symptoms.database.sessions, symptoms.target)
    if not waits.are_starved:
        return f"What the sessions wait for shows no slow database: {waits.starvation}"
    # Of a few that still work most may wait: then something else holds the rest, and explains more.
    held_up = min(sum(waits.starved.values()) / symptoms.checked_out(symptoms.exhausted), waits.starved_share)
    pools = listed(describe_pool(name, symptoms.pools[name]) for name in symptoms.exhausted)
    return Finding(
        cause=Cause.DEGRADED,
        confidence=_CERTAINTY * held_up,
        reasons=(
            waits.starvation,
            *_describe_query(symptoms, symptoms.database),
            *_describe_standbys(symptoms.database.server),
            *_describe_server(symptoms.database),
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
