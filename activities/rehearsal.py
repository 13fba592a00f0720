"""Every statement of a look once, about nobody: what is planned at rest takes no time in an incident."""

from activities.crowd import read_crowd
from activities.pressure import read_pressure
from activities.server import read_allowed, read_identifier
from activities.statements import read_statements
from activities.warm_connection import Connection, fetch, fetch_row

_NOBODY = ("", "", list[str]())


async def rehearse(connection: Connection) -> None:
    """Have the server parse and plan them; raises what the driver does where it cannot be read at all."""
    server = await fetch_row(connection, "server", "")
    await read_identifier(connection)
    await read_allowed(connection, server, "")
    await fetch(connection, "counts", *_NOBODY)
    await fetch(connection, "sessions", *_NOBODY, 1)
    await fetch(connection, "blockers", [], [], 1)
    await read_statements(connection, _NOBODY)
    await read_pressure(connection, server["version"], _NOBODY)
    await read_crowd(connection)
