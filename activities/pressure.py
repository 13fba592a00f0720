"""What presses on the whole server: told beside the sessions, and given up without losing them."""

from datetime import UTC, datetime

from activities.postgres_errors import DRIVER_ERRORS, describe
from activities.warm_connection import Connection, fetch, fetch_row
from workflows.models.pressure import Checkpoints, ServerPressure, Standby
from workflows.models.reading import Known, Unavailable

MOST_STANDBYS = 20
MOST_SLOTS = 20
MILLISECONDS_TO_ANSWER = "300"
"""Each of four short statements: together no more than a look can spare."""
_WITH_CHECKPOINTER = 170000


async def read_pressure(
    connection: Connection, version: int, own: tuple[str, str, list[str]]
) -> Known[ServerPressure] | Unavailable:
    """Waits, standbys, slots and checkpoints.

    `version` is the server's `server_version_num`, `own` the target's role, database and application names.
    """
    statement = "checkpoints" if version >= _WITH_CHECKPOINTER else "checkpoints_16"
    try:
        async with connection.transaction(readonly=True):
            await fetch(connection, "hurry", MILLISECONDS_TO_ANSWER)
            waits = await fetch(connection, "waits", *own)
            standbys = await fetch(connection, "standbys", MOST_STANDBYS)
            slots = await fetch_row(connection, "slots")
            checkpoints = await fetch_row(connection, statement)
    except DRIVER_ERRORS as exc:
        return Unavailable(reason=f"what presses on the server: {describe(exc)}")
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
