"""A connection of the login that may create indexes: opened for one purpose, and closed again."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg

from activities.postgres_errors import DRIVER_ERRORS, translate
from activities.warm_connection import CONNECT_SECONDS, Connection
from workflows.errors import NotConfigured, PoolmedicError, SourceRefused
from workflows.models.target import Database

_SHORT = timedelta(seconds=3)
_GRACE = timedelta(seconds=30)
"""After the server's own limit, before its silence counts as an answer lost."""


class Owners:
    """`dsns` maps the names that targets use (`database.index_dsn`) to connection strings."""

    def __init__(self, dsns: Mapping[str, str]) -> None:
        self._dsns = dsns

    @asynccontextmanager
    async def connect(self, database: Database, limit: timedelta = _SHORT) -> AsyncIterator[Connection]:
        """One whose statements may take so long each.

        What the driver raises, here or inside the block, comes as an error of `workflows.errors`.
        """
        name = database.index_dsn
        if name is None or name not in self._dsns:
            raise NotConfigured(
                f"{database.name}: no login may create an index; database.index_dsn has to name one "
                "(deploy/postgres/index.sql)"
            )
        try:
            connection = await self._open(name, limit)
            try:
                yield connection
            finally:
                connection.terminate()
        except PoolmedicError:
            raise
        except DRIVER_ERRORS as exc:
            raise translate(exc, name) from None

    async def _open(self, name: str, limit: timedelta) -> Connection:
        try:
            return await asyncpg.connect(
                self._dsns[name],
                timeout=CONNECT_SECONDS,
                command_timeout=(limit + _GRACE).total_seconds(),
                server_settings={
                    "application_name": "poolmedic",
                    "search_path": "pg_catalog, pg_temp",
                    "statement_timeout": _milliseconds(limit),
                    # The limit alone: whoever waits to create or drop an index CONCURRENTLY holds up no
                    # reader and no writer, and all of its work is lost where it gives up.
                    "lock_timeout": "0",
                },
            )
        except ValueError:
            # No cause: its message may quote a piece of the connection string.
            raise SourceRefused(
                f"{name}: the connection string cannot be read; "
                "write postgresql://role:password@host:port/database, special characters percent-encoded"
            ) from None


def _milliseconds(length: timedelta) -> str:
    return str(max(int(length.total_seconds() * 1000), 1))
