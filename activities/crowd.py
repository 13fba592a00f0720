"""Who has the connections of the whole server: counted by group, and given up without losing the sessions."""

from datetime import UTC, datetime

from activities.postgres_errors import DRIVER_ERRORS, describe
from activities.pressure import MILLISECONDS_TO_ANSWER
from activities.warm_connection import Connection, fetch
from workflows.models.evidence import Crowd
from workflows.models.reading import Known, Unavailable

MOST_GROUPS = 15


async def read_crowd(connection: Connection) -> Known[tuple[Crowd, ...]] | Unavailable:
    """The largest groups, the largest first."""
    try:
        async with connection.transaction(readonly=True):
            await fetch(connection, "hurry", MILLISECONDS_TO_ANSWER)
            rows = await fetch(connection, "crowd", MOST_GROUPS)
    except DRIVER_ERRORS as exc:
        return Unavailable(reason=f"who has the server's connections: {describe(exc)}")
    return Known(value=tuple(Crowd(**row) for row in rows), at=datetime.now(UTC))
