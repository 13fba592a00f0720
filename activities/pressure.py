"""What presses on the whole server."""

from datetime import UTC, datetime

from activities.warm_connection import Connection, fetch, fetch_row
from workflows.models.pressure import Checkpoints, ServerPressure, Standby
from workflows.models.reading import Known

MOST_STANDBYS = 20
MOST_SLOTS = 20
_WITH_CHECKPOINTER = 170000


async def read_pressure(
    connection: Connection, version: int, own: tuple[str, str, list[str]]
) -> Known[ServerPressure]:
    """Waits, standbys, slots and checkpoints.

    `version` is the server's `server_version_num`, `own` the target's role, database and application names.
    """
    waits = await fetch(connection, "waits", *own)
    standbys = await fetch(connection, "standbys", MOST_STANDBYS)
    slots = await fetch_row(connection, "slots")
    statement = "checkpoints" if version >= _WITH_CHECKPOINTER else "checkpoints_16"
    checkpoints = await fetch_row(connection, statement)
    return Known(
        value=ServerPressure(
            waits={row["kind"]: row["backends"] for row in waits},
            others={row["kind"]: row["others"] for row in waits if row["others"]},
            standbys=tuple(Standby(**row) for row in standbys),
            idle_slots=len(slots["names"]),
            slot_names=tuple(slots["names"][:MOST_SLOTS]),
            kept_bytes=slots["kept_bytes"],
            checkpoints=Checkpoints(**checkpoints),
        ),
        at=datetime.now(UTC),
    )
