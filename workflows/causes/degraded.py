"""The database server itself is slow, for everybody: nothing that is done to the application would help."""

from workflows.causes.dismissals import no_pool, untold
from workflows.causes.symptoms import Symptoms
from workflows.contention import waits_of
from workflows.exhaustion import describe_pool
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import DatabaseReading, ServerReading
from workflows.models.reading import value_of
from workflows.pressure import describe_pressure
from workflows.wording import listed

_CERTAINTY = 0.95


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
            *_describe_standbys(symptoms.database.server),
            *_describe_server(symptoms.database),
            f"{pools}.",
        ),
        instances=symptoms.exhausted,
    )


def _describe_standbys(server: ServerReading) -> tuple[str, ...]:
    if server.sync_standbys == 0:
        return ("Every commit waits for a synchronous standby, and none is connected.",)
    return ()


def _describe_server(database: DatabaseReading) -> tuple[str, ...]:
    pressure = value_of(database.pressure)
    return describe_pressure(pressure) if pressure else ()
