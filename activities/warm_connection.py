"""One open connection per database, ready for the moment when the application has taken every slot."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from importlib import resources
from typing import Any

import asyncpg
from opentelemetry import trace

from activities.postgres_errors import DRIVER_ERRORS, describe, translate
from activities.spans import spanning
from workflows.errors import SourceRefused, SourceUnavailable, WrongServer

type Connection = asyncpg.Connection[asyncpg.Record]

SQL = {
    file.name.removesuffix(".sql"): file.read_text()
    for file in resources.files("activities").joinpath("sql").iterdir()
    if file.name.endswith(".sql")
}
"""Every statement that is ever sent, by the name of its file."""

CONNECT_SECONDS = 3.0
PING_SECONDS = 1.0
STATEMENT_SECONDS = 4.0
MOST_PREPARED = 60
"""Statements that stay prepared: more than there are."""
SECONDS_TO_GIVE_UP = 600.0
"""Without any answer for so long, a connection is broken; until then it may be the only one we can get."""
_SETTINGS = {
    "application_name": "poolmedic",
    # The database's owner may set another one for everybody: names are the server's own, always.
    "search_path": "pg_catalog, pg_temp",
    # What was planned at rest is not planned again for its values, on a server that has no time for it.
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": f"{STATEMENT_SECONDS - 0.5}s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "10s",
    # It idles between incidents: neither the server nor a firewall on the way may end it for that.
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "30",
}
_log = logging.getLogger("poolmedic.postgres")
_tracer = trace.get_tracer("poolmedic.postgres")


class WarmConnection:
    """Lent to one caller at a time; opened again, once, when it turns out to be broken.

    One that is only slow is given up for a new one, never for none: where the application has taken every
    slot, its slot would be gone.
    """

    def __init__(self, name: str, dsn: str) -> None:
        self._name = name
        self._dsn = dsn
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._ping: asyncio.Task[bool] | None = None
        """The last one; it may still be under way from a caller who did not wait for its end."""

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """A connection that has just answered.

        What the driver raises, here or inside the block, comes as an error of `workflows.errors`.
        """
        async with self._lock:
            try:
                yield await self._alive()
            except WrongServer:
                # The address may lead elsewhere by now, as after a failover; only a new connection can tell.
                self._drop()
                raise
            except DRIVER_ERRORS as exc:
                _log.info(
                    "%s: %s, SQLSTATE %s", self._name, type(exc).__name__, getattr(exc, "sqlstate", None)
                )
                # No cause: Temporal would keep it, and the server's details may quote rows.
                raise translate(exc, self._name) from None

    @property
    def is_at_rest(self) -> bool:
        """Open, and lent to nobody."""
        return self._connection is not None and not self._lock.locked()

    async def warm(self) -> None:
        """Open it, or see that it still answers; raises as `lend` does, and leaves the log to the caller."""
        async with self._lock:
            try:
                await self._alive()
            except DRIVER_ERRORS as exc:
                raise translate(exc, self._name) from None

    async def close(self) -> None:
        """Close it; the next caller opens another one."""
        async with self._lock:
            if self._connection is not None:
                # One that does not take leave in time is dropped, which is all that was wanted.
                with contextlib.suppress(*DRIVER_ERRORS):
                    await self._connection.close(timeout=PING_SECONDS)
            self._drop()

    async def _alive(self) -> Connection:
        if self._connection is None:
            self._connection = await self._open()
            return self._connection
        # A ping that is late is waited for again, not cancelled: the driver closes what it cannot cancel.
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(_answers(self._connection))
        await asyncio.wait({self._ping}, timeout=PING_SECONDS)
        if not self._ping.done():
            return await self._replace()
        if not self._ping.result():
            self._drop()
            self._connection = await self._open()
        return self._connection

    async def _replace(self) -> Connection:
        try:
            connection = await self._open()
        except DRIVER_ERRORS as exc:
            raise SourceUnavailable(
                f"{self._name}: no answer within {PING_SECONDS:.0f} s on the open connection, which is kept, "
                f"and no new one ({describe(exc)})"
            ) from None
        self._drop()
        self._connection = connection
        return connection

    async def _open(self) -> Connection:
        try:
            with _span("connect"):
                return await asyncpg.connect(
                    self._dsn,
                    timeout=CONNECT_SECONDS,
                    command_timeout=STATEMENT_SECONDS,
                    statement_cache_size=MOST_PREPARED,
                    max_cached_statement_lifetime=0,  # they are prepared at rest, for an incident at any time
                    server_settings=_SETTINGS,
                )
        except ValueError:
            # No cause: its message may quote a piece of the connection string.
            raise SourceRefused(
                f"{self._name}: the connection string cannot be read; "
                "write postgresql://role:password@host:port/database, special characters percent-encoded"
            ) from None

    def _drop(self) -> None:
        self._ping = None
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def fetch(
    connection: Connection, statement: str, *arguments: object, **names: str
) -> list[asyncpg.Record]:
    """Rows of one of our statements, within a span; `names` are identifiers quoted by the server."""
    with _span(statement):
        return await connection.fetch(SQL[statement].format(**names) if names else SQL[statement], *arguments)


async def fetch_row(connection: Connection, statement: str, *arguments: object) -> asyncpg.Record:
    """The only row of one of our statements."""
    return (await fetch(connection, statement, *arguments))[0]


async def fetch_value(connection: Connection, statement: str, *arguments: object) -> Any:  # noqa: ANN401
    """The only value of one of our statements, None without a row; its type is the statement's."""
    rows = await fetch(connection, statement, *arguments)
    return rows[0][0] if rows else None


async def _answers(connection: Connection) -> bool:
    """Whether it can be used; after a statement that was cut off that is known once its end is settled."""
    try:
        await connection.fetchval("SELECT 1", timeout=SECONDS_TO_GIVE_UP)
    except DRIVER_ERRORS:
        return False
    return not connection.is_in_transaction()


def _span(statement: str) -> AbstractContextManager[trace.Span]:
    name, attributes = f"postgresql {statement}", {"db.system.name": "postgresql"}
    return spanning(_tracer, name, trace.SpanKind.CLIENT, attributes=attributes)
