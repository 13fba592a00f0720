"""Every statement of a look, about nobody: what is planned at rest takes no time in an incident."""

import time
from collections.abc import Awaitable, Callable

from activities.server import read_allowed, read_identifier
from activities.sessions import count_own, read_sessions
from activities.statements import read_statements
from activities.surroundings import read_surroundings
from activities.warm_connection import Connection, WarmConnection, fetch, fetch_row
from workflows.errors import PoolmedicError

SECONDS = 3.0
_NOBODY = ("", "", list[str]())


async def rehearse(connection: WarmConnection) -> None:
    """Have the server plan them, one by one, as long as nobody wants the connection and there is time.

    What the server does not answer is left for the next rehearsal: an incident is told of it by its own look.
    """
    until = time.monotonic() + SECONDS
    for ask in _ASKED:
        if not connection.is_at_rest or time.monotonic() > until:
            return
        try:
            async with connection.lend() as lent:
                await ask(lent)
        except PoolmedicError:
            return


async def _ask_server(connection: Connection) -> None:
    server = await fetch_row(connection, "server", "")
    await read_allowed(connection, server, "")
    await read_surroundings(connection, server["version"], _NOBODY)


_ASKED: tuple[Callable[[Connection], Awaitable[object]], ...] = (
    _ask_server,
    read_identifier,
    lambda connection: read_sessions(connection, _NOBODY, 1),
    lambda connection: count_own(connection, _NOBODY),
    lambda connection: fetch(connection, "blockers", [], [], 1),
    lambda connection: read_statements(connection, _NOBODY),
)
