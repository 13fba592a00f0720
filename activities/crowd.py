"""Who has the connections of the whole server: counted by group."""

from datetime import UTC, datetime

from activities.warm_connection import Connection, fetch
from workflows.models.evidence import Crowd
from workflows.models.reading import Known

MOST_GROUPS = 15


async def read_crowd(connection: Connection) -> Known[tuple[Crowd, ...]]:
    """The largest groups, the largest first."""
    rows = await fetch(connection, "crowd", MOST_GROUPS)
    return Known(value=tuple(Crowd(**row) for row in rows), at=datetime.now(UTC))
