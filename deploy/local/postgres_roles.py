"""Creates what a database administrator would: roles, a database, and the functions of deploy/postgres."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from deploy.local.postgres import Postgres

SCRIPT = Path(__file__).resolve().parents[1] / "postgres" / "poolmedic.sql"
TIMEOUT_SCRIPT = SCRIPT.with_name("session_timeout.sql")
INDEX_SCRIPT = SCRIPT.with_name("index.sql")
MEDIC = "poolmedic"
INDEXER = "poolmedic_index"
SUPERUSER = "postgres"


async def create(server: Postgres) -> None:
    """Create the roles and the database, and install ``SCRIPT`` in it."""
    settings = server.settings
    async with connected(server, SUPERUSER) as connection:
        for role in (settings.application_role, *settings.roles):
            await connection.execute(f"CREATE ROLE {quoted(role)} LOGIN")
            await _set_password(connection, role, server.password(role))
        database, owner = quoted(settings.database), quoted(settings.application_role)
        await connection.execute(f"CREATE DATABASE {database} OWNER {owner}")
    async with connected(server, settings.database) as connection:
        await connection.execute("CREATE EXTENSION pg_stat_statements")
        await connection.execute(SCRIPT.read_text())
        await connection.execute(TIMEOUT_SCRIPT.read_text())
        await allow(connection, settings.application_role)
        await connection.execute(
            f"GRANT {quoted(settings.application_role)} TO poolmedic_configurer "
            "WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"
        )
        await _set_password(connection, MEDIC, server.password(MEDIC))
        await connection.execute(INDEX_SCRIPT.read_text())
        await connection.execute(f"GRANT {owner} TO {quoted(INDEXER)} WITH INHERIT TRUE, SET FALSE")
        await _set_password(connection, INDEXER, server.password(INDEXER))


async def allow(connection: asyncpg.Connection[asyncpg.Record], role: str) -> None:
    """Let sessions of this role be ended, as the administrator's second step does."""
    await connection.execute("INSERT INTO poolmedic.application_role (role) VALUES ($1)", role)


@contextlib.asynccontextmanager
async def connected(server: Postgres, database: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A superuser's connection, closed after the block."""
    connection = await asyncpg.connect(server.dsn(SUPERUSER, database))
    try:
        yield connection
    finally:
        await connection.close()


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


async def _set_password(connection: asyncpg.Connection[asyncpg.Record], role: str, password: str) -> None:
    text = password.replace("'", "''")
    await connection.execute(f"ALTER ROLE {quoted(role)} PASSWORD '{text}'")
