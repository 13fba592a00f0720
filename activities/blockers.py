"""Who stands in front of the target's waiting sessions: read after them, and given up without losing them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from asyncpg import Record

from activities.postgres_errors import DRIVER_ERRORS, describe
from activities.warm_connection import Connection, fetch
from workflows.models.blocker import CLIENT, Blocker, LockRequest
from workflows.models.reading import Known, Unavailable
from workflows.models.session import Session, SessionIdentity

MOST_BLOCKERS = 100
MILLISECONDS_TO_ANSWER = "1500"


async def read_blockers(
    connection: Connection, sessions: Iterable[Session]
) -> Known[tuple[Blocker, ...]] | Unavailable:
    """Everybody that these sessions wait behind, several levels deep; nothing is asked where none waits."""
    waiting = [session for session in sessions if session.blocked_by]
    ahead = {pid for session in waiting for pid in session.blocked_by}
    if not ahead:
        return Known(value=(), at=datetime.now(UTC))
    known = [session.identity.pid for session in waiting]
    try:
        async with connection.transaction(readonly=True):
            await fetch(connection, "hurry", MILLISECONDS_TO_ANSWER)
            rows = await fetch(connection, "blockers", sorted(ahead), known, MOST_BLOCKERS)
    except DRIVER_ERRORS as exc:
        return Unavailable(reason=f"who blocks whom: {describe(exc)}")
    return Known(value=tuple(_blocker(row) for row in rows), at=datetime.now(UTC))


def _blocker(row: Record) -> Blocker:
    values = dict(row)
    identity = {name: values.pop(name) for name in SessionIdentity.model_fields if name != "pid"}
    awaits, withholds = _request(values, "awaits"), _request(values, "withholds")
    is_client = values["kind"] == CLIENT and None not in (identity["state"], identity["state_change"])
    return Blocker(
        identity=SessionIdentity(pid=values["pid"], **identity) if is_client else None,
        awaits=awaits,
        withholds=withholds,
        **values,
    )


def _request(values: dict[str, Any], name: str) -> LockRequest | None:
    kind, mode, relation = (values.pop(f"{name}_{part}") for part in ("kind", "mode", "relation"))
    return None if mode is None else LockRequest(kind=kind, mode=mode, relation=relation)
