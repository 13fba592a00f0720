"""How much of the machine a drilled database server may have."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection

import asyncpg

from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.postgres_roles import connected

SERVER = """
SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int
UNION ALL SELECT pid FROM pg_stat_activity"""
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE application_name = $1"
NICE = 10


async def confine(server: Postgres, application: str) -> None:
    """One processor for all of it, so that as many statements are as slow on a machine with many.

    The application's sessions are nice as well: the rest of the drill runs on the same machine.
    """
    async with connected(server, SUPERUSER) as connection:
        await _spread(connection, {max(os.sched_getaffinity(0))})
        for row in await connection.fetch(SESSIONS, application):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.setpriority(os.PRIO_PROCESS, row["pid"], NICE)


async def release(server: Postgres) -> None:
    """Every processor that this process has itself."""
    async with connected(server, SUPERUSER) as connection:
        await _spread(connection, os.sched_getaffinity(0))


async def _spread(connection: asyncpg.Connection[asyncpg.Record], processors: Collection[int]) -> None:
    """The server's own process too: what it starts from then on has no more than it."""
    for row in await connection.fetch(SERVER):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(row[0], processors)
