"""What goes on around the target's sessions: told beside them, and given up without losing them."""

from activities.crowd import read_crowd
from activities.postgres_errors import DRIVER_ERRORS, describe
from activities.pressure import read_pressure
from activities.warm_connection import Connection, fetch
from workflows.models.evidence import Crowd
from workflows.models.pressure import ServerPressure
from workflows.models.reading import Known, Unavailable

PRESSURE, CROWD = "what presses on the server", "who has the server's connections"
MILLISECONDS_TO_ANSWER = "300"
"""Each of five short statements: together no more than a look can spare."""


async def read_surroundings(
    connection: Connection, version: int, own: tuple[str, str, list[str]], late: str | None = None
) -> tuple[Known[ServerPressure] | Unavailable, Known[tuple[Crowd, ...]] | Unavailable]:
    """The pressure, by which a cause may be told, then the crowd, which costs nothing of it.

    `version` is the server's `server_version_num`, `own` the target's role, database and application names,
    `late` why nothing is asked.
    """
    pressure: Known[ServerPressure] | None = None
    crowd: Known[tuple[Crowd, ...]] | None = None
    why = late or ""
    try:
        if late is None:
            async with connection.transaction(readonly=True):
                await fetch(connection, "hurry", MILLISECONDS_TO_ANSWER)
                pressure = await read_pressure(connection, version, own)
                crowd = await read_crowd(connection)
    except DRIVER_ERRORS as exc:
        why = describe(exc)
    return pressure or Unavailable(reason=f"{PRESSURE}: {why}"), crowd or Unavailable(
        reason=f"{CROWD}: {why}"
    )
