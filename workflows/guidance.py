"""What a person does next about a cause; docs/on-call.md has the same table, to read before. Pure."""

from collections import Counter

from workflows.contention import waits_of
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.evidence import Evidence
from workflows.models.reading import value_of
from workflows.models.target import Target

TAKE_OVER = "Please take over: open the incident, look at the evidence, decide, and acknowledge."
UNSEEN = "Look yourself with poolmedic diagnose TARGET, which needs no Temporal and says what cannot be read."
"""Where nothing was diagnosed yet."""
STANDBY = (
    "Look at the standby that synchronous_standby_names names: bring it back, or find out why it lags. "
    "Taken out of that list it holds up no commit any more, and what is committed then is lost if this "
    "server is: that is for whoever may decide it. Cancel or end no session that waits for it."
)
STORAGE = (
    "Look at the disk of the database server: whether it is full, how long its reads and writes take, and "
    "who else uses it (a backup, a checkpoint, a large import). Stop that, or give it more."
)
INTERNAL = (
    "Look which wait_event most sessions of pg_stat_activity have, and what was begun or deployed just "
    "before (a batch job, more connections, many savepoints). Stop that first."
)
UNREAD = (
    "Make readable what could not be read, each named above with its reason; then poolmedic diagnose "
    "TARGET. Restart nothing on a guess."
)
NEXT_STEPS = {
    Cause.HEALTHY: (
        "By the last look there is nothing to heal, and that is not verified: look why the alert still "
        "fires, and whether requests reach the application at all."
    ),
    Cause.LEAK: (
        "End by hand the sessions that are left (poolmedic diagnose TARGET lists them), knowing that it "
        "loses what they have written; else restart one instance after the other. They come back until the "
        "code that keeps them is mended or its deployment taken back."
    ),
    Cause.LOCK: (
        "Ask the owner of the session in front, named above, to end its transaction; end it yourself only "
        "knowing what it loses. A prepared transaction ends by COMMIT PREPARED or ROLLBACK PREPARED, as "
        "its owner says; leave an autovacuum alone."
    ),
    Cause.DDL_QUEUE: (
        "Decide who goes, the change of the table or the one that it waits for. To cancel the change "
        "(pg_cancel_backend with its pid) lets everybody through and loses nothing but its own work; run "
        "it again later, with a lock_timeout."
    ),
    Cause.SLOW: (
        "Look what changed for that query: its plan (EXPLAIN), the statistics of its tables (ANALYZE), an "
        "index, a deployment. Until it is fast, switch off what asks for it; then cancel what still runs "
        "of it."
    ),
    Cause.IDLE_LEAK: (
        "Take back the last deployment, or mend the code that keeps connections; the leak detection of the "
        "pool names the place. Until then restart one instance after the other; end no idle session, since "
        "the pool's own look the same."
    ),
    Cause.HOLD: (
        "Call the owner of the service that the requests wait for. Until it answers, shorten the timeout "
        "of its calls or switch off what calls it; a restart would only make them wait anew."
    ),
    Cause.UNDERSIZED: (
        "Make room on the server (connections that others keep and do not use, instances that are not "
        "needed), or put a pooler between; then enlarge the pool. A larger max_connections takes a restart "
        "of the server, and has to be set on all its standbys before."
    ),
    Cause.SPIKE: (
        "Find out where the traffic comes from, and limit it before the application where it is not "
        "wanted. Scale out only as far as the server has slots; beyond that a pooler has to stand between."
    ),
    Cause.LOST_CAPACITY: (
        "Bring back what is missing: look in the container's log why it ended, mend that, and start it. "
        "Where a pool is smaller than configured, look which configuration it started with."
    ),
    Cause.DEGRADED: (
        "Heal the database server; leave the application's sessions and containers alone, since they wait "
        "for it and would wait again."
    ),
    Cause.UNKNOWN: (
        "Everything was read and nothing fits: look at the application's log and at what was deployed just "
        "before, and read poolmedic diagnose TARGET again. Restart nothing on a guess."
    ),
}
"""For the first cause of the last look; TARGET stands for the target's name."""


def next_steps(diagnosis: Diagnosis | None, evidence: Evidence | None, target: Target) -> list[str]:
    """What to do about this cause, and where it is seen as it is when the page is read."""
    told = f"Do next: {UNSEEN}" if diagnosis is None else _told(diagnosis, evidence, target)
    return [told.replace("TARGET", target.name), where_to_look(target)]


def where_to_look(target: Target) -> str:
    """A page says what was, and may be read much later."""
    name = target.name
    return f"As it is now: poolmedic show {name}; with readings of this moment: poolmedic diagnose {name}."


def _told(diagnosis: Diagnosis, evidence: Evidence | None, target: Target) -> str:
    first = diagnosis.first
    word = "Do next" if first.ripe_in is None else "It is a suspicion; if you find it so"
    step = NEXT_STEPS[first.cause]
    if first.cause is Cause.DEGRADED:
        step = _of_server(evidence, target) or step
    elif first.cause is Cause.UNKNOWN and diagnosis.missing:
        step = UNREAD
    return f"{word}: {step}"


def _of_server(evidence: Evidence | None, target: Target) -> str | None:
    """By what most sessions wait for."""
    database = value_of(evidence.database) if evidence else None
    if database is None:
        return None
    kinds: Counter[str] = Counter()
    for event, count in waits_of(database.sessions, target).starved.items():
        kinds[_kind(event)] += count
    most = [kind for kind, _count in kinds.most_common(1)]
    return STANDBY if database.server.sync_standbys == 0 else next(iter(most), None)


def _kind(event: str) -> str:
    """`event` is `wait_event_type/wait_event`; who waits for the lock of the log waits for its disk."""
    kind, _, name = event.partition("/")
    if name == "SyncRep":
        return STANDBY
    return STORAGE if kind == "IO" or name.casefold() == "bufferio" or name == "WALWrite" else INTERNAL
