"""Is it the right database server? What the pools count and what the server shows must fit together."""

from workflows.models.evidence import DatabaseReading, Evidence
from workflows.models.policy import Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.readings import fresh, pools_of
from workflows.wording import counted


def trusted(
    evidence: Evidence, previous: Evidence | None, target: Target, policy: Policy
) -> Known[DatabaseReading] | Unavailable:
    """The database's reading if it is fresh and from the server the pools connect to, else why not."""
    reading = fresh(evidence.database, evidence.at, policy.thresholds.fresh_for)
    if isinstance(reading, Unavailable):
        return reading
    server, database = reading.value.server, target.database
    if server.in_recovery is not database.standby:
        role = "a standby in recovery" if server.in_recovery else "not in recovery, so not the standby"
        return Unavailable(reason=f"the server that answered is {role}: it is not the one the pools use")
    if database.system_identifier not in (None, server.system_identifier):
        return Unavailable(
            reason=f"the server's system identifier is {server.system_identifier or 'not readable'}, "
            f"the configuration says {database.system_identifier}"
        )
    is_short = lost_slots(evidence, target, policy) > 0
    if is_short and not _is_proven(reading.value, previous, target, policy):
        return Unavailable(reason=_mismatch(evidence, reading.value, target, policy))
    return reading


def lost_slots(evidence: Evidence, target: Target, policy: Policy) -> int:
    """Connections the pools count as checked out and the server has no session for; 0 for a few.

    They are what a session's end leaves behind where a pool does not notice it; or the server, the role or
    the application name is not the right one, and then nothing that server says counts.
    """
    if isinstance(evidence.database, Unavailable) or target.database.transaction_pooler:
        return 0
    checked_out = _checked_out(evidence, target, policy)
    lost = checked_out + _idle(evidence, target, policy) - evidence.database.value.sessions_total
    return lost if lost > 0 and lost >= policy.thresholds.leak_share * checked_out else 0


def _checked_out(evidence: Evidence, target: Target, policy: Policy) -> int:
    readings = pools_of(evidence, target, policy).values()
    return sum(pool.value.active for pool in readings if isinstance(pool, Known))


def _idle(evidence: Evidence, target: Target, policy: Policy) -> int:
    """Idle connections have sessions too: left out, they would hide what another instance has lost."""
    readings = pools_of(evidence, target, policy).values()
    return sum(pool.value.idle for pool in readings if isinstance(pool, Known))


def _is_proven(reading: DatabaseReading, previous: Evidence | None, target: Target, policy: Policy) -> bool:
    # The identifier proves the server; that role and application name are right, only their sessions do.
    if target.database.system_identifier is not None and reading.sessions_total > 0:
        return True
    before = trusted(previous, None, target, policy) if previous else None
    return isinstance(before, Known) and before.value.server.started_at == reading.server.started_at


def _mismatch(evidence: Evidence, reading: DatabaseReading, target: Target, policy: Policy) -> str:
    database = target.database
    return (
        f"the server shows {counted(reading.sessions_total, 'session')} of {database.role} with "
        f"application_name {' or '.join(database.application_names)}, while the pools have "
        f"{counted(_checked_out(evidence, target, policy), 'connection')} checked out: "
        "server, role or application_name may not be the right one"
    )
