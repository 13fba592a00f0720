"""A connection of the login that may create indexes: opened for one purpose, and closed again."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg

from activities.postgres_errors import DRIVER_ERRORS, translate
from activities.warm_connection import CONNECT_SECONDS, Connection, WarmConnection, fetch_row, fetch_value
from workflows.errors import NotConfigured, PoolmedicError, SourceRefused, WrongServer
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
        except asyncpg.InsufficientPrivilegeError as exc:
            remedy = "make its role a member of the role that owns the table (deploy/postgres/index.sql)"
            raise SourceRefused(f"{translate(exc, name).message}; {remedy}") from None
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


async def check(connection: Connection, medic: WarmConnection, database: Database) -> None:
    """See that it leads to the very server that `medic` looks at, and that this takes changes; `WrongServer`.

    A restored copy has the same names and the same system identifier, and not this session. Raises
    `SourceRefused` for one that has the rights of a superuser, or could take them.
    """
    row = await fetch_row(connection, "index_login")
    if row["superusers"]:
        raise SourceRefused(
            f"{database.index_dsn}: its role is a superuser or a member of one "
            f"({', '.join(row['superusers'])}), "
            "whose rights functions of the application would have while a plan is read; take that away, and "
            "make it a member of the role that owns the tables alone (deploy/postgres/index.sql)"
        )
    if row["dbname"] != database.dbname or row["in_recovery"]:
        raise WrongServer(
            f"{database.index_dsn} leads to the wrong server: database {row['dbname']}, "
            f"in recovery {row['in_recovery']}; expected {database.dbname}, which takes changes"
        )
    async with medic.lend() as looking:
        session = connection.get_server_pid(), row["began"], row["role"]
        if not await fetch_value(looking, "index_session", *session):
            raise WrongServer(
                f"{database.index_dsn} leads to another server than {database.dsn}, or through a pooler: "
                f"its session (pid {session[0]}, {row['role']}) is not seen there"
            )


def _milliseconds(length: timedelta) -> str:
    return str(max(int(length.total_seconds() * 1000), 1))
