"""Sessions that must never be touched, opened beside the application's own, and what becomes of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from deploy.local import probes
from deploy.local.errors import StackError
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.postgres_roles import connected

STRANGER = "billing"
SECONDS_TO_APPEAR = 10.0
SECONDS_TO_CLOSE = 5.0
PREPARE = """
DROP TABLE IF EXISTS archive;
CREATE TABLE archive AS SELECT * FROM orders;
"""
MIGRATE = "CREATE INDEX CONCURRENTLY archive_by_customer ON archive (customer)"
WORK = "SELECT pg_sleep(1)"
IDENTITY = "SELECT pid, backend_start, xact_start FROM pg_stat_activity WHERE pid = ANY($1::int[])"
PHASE = "SELECT phase FROM pg_stat_progress_create_index WHERE pid = $1"
WAITING = "waiting for writers before build"

type Connection = asyncpg.Connection[asyncpg.Record]


class DecoyMissing(StackError):
    """A decoy session could not be opened as it must be; without all of them a run proves nothing."""


@dataclass(frozen=True)
class Decoy:
    """One session and what is true of it for as long as nobody ends it or its transaction."""

    what: str
    pid: int
    backend_start: datetime
    xact_start: datetime | None


@dataclass(frozen=True)
class Decoys:
    """All of them, as they were when they were opened."""

    server: Postgres
    sessions: tuple[Decoy, ...]

    async def lost(self) -> list[str]:
        """What each one that is not exactly as it was is; empty when all live."""
        now = await identities(self.server, [decoy.pid for decoy in self.sessions])
        return [
            decoy.what
            for decoy in self.sessions
            if now.get(decoy.pid) != (decoy.backend_start, decoy.xact_start)
        ]


@contextlib.asynccontextmanager
async def open_decoys(
    server: Postgres, application: str, *, has_long_work: bool = True
) -> AsyncIterator[Decoys]:
    """Four sessions for the block; ``application`` is the drilled application's own name.

    Another role; another application of the same role; a migration and, unless ``has_long_work`` says no, an
    honest long transaction, both with the application's own role and name. The creation of an index would
    wait for that one. Raises DecoyMissing.
    """
    async with AsyncExitStack() as stack:
        opening = Opening(server, stack)
        role = server.settings.application_role
        found = {
            "another role": await opening.idle_in_transaction(STRANGER, application),
            "another application": await opening.lock_archive(role, "nightly-export"),
            "a migration": await opening.migrate(role, application),
        }
        if has_long_work:
            found["an honest long transaction"] = await opening.work(role, application)
        seen = await identities(server, list(found.values()))
        if len(seen) < len(found):
            raise DecoyMissing(f"only {len(seen)} of {len(found)} decoy sessions are open")
        sessions = tuple(Decoy(what, pid, *seen[pid]) for what, pid in found.items())
        yield Decoys(server, sessions)


class Opening:
    """Opens sessions that end with the stack, the last one first."""

    def __init__(self, server: Postgres, stack: AsyncExitStack) -> None:
        self._server = server
        self._stack = stack

    async def hold(self, role: str, application: str) -> Connection:
        """Idle in a transaction."""
        connection = await self._connect(role, application)
        await connection.execute("BEGIN")
        # Not by the driver's portal, which would keep a snapshot that the creation of an index waits for.
        await connection.execute("SELECT 1")
        return connection

    async def idle_in_transaction(self, role: str, application: str) -> int:
        return (await self.hold(role, application)).get_server_pid()

    async def lock_archive(self, role: str, application: str) -> int:
        """Idle in a transaction that has written: the migration waits for it."""
        connection = await self._connect(role, application)
        await connection.execute(PREPARE)
        await connection.execute("BEGIN")
        await connection.execute("UPDATE archive SET reports = reports WHERE id = 1")
        return connection.get_server_pid()

    async def work(self, role: str, application: str, begins_with: str = WORK) -> int:
        """A transaction of many statements, one after the other: long, and never idle for long."""
        connection = await self._connect(role, application)
        await connection.execute("BEGIN")
        await connection.execute(begins_with)
        self._in_background(_go_on(connection))
        return connection.get_server_pid()

    async def migrate(self, role: str, application: str) -> int:
        pid = await self.run(role, application, MIGRATE)
        await self._appears(pid)
        return pid

    async def run(self, role: str, application: str, statement: str) -> int:
        """One statement, under way when this returns, however long it takes."""
        connection = await self._connect(role, application)
        self._in_background(connection.execute(statement, timeout=None))
        return connection.get_server_pid()

    async def _connect(self, role: str, application: str) -> Connection:
        settings = {"application_name": application}
        connection = await asyncpg.connect(self._server.dsn(role), server_settings=settings)
        self._stack.push_async_callback(_close, connection)
        return connection

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._stack.push_async_callback(_cancel, task)

    async def _appears(self, pid: int) -> None:
        async def ask() -> str | None:
            async with connected(self._server, self._server.settings.database) as connection:
                phase = await connection.fetchval(PHASE, pid)
            return None if phase == WAITING else f"its phase is {phase}"

        if reason := await probes.until(ask, SECONDS_TO_APPEAR):
            raise DecoyMissing(f"the migration: {reason}")


async def _go_on(connection: Connection) -> None:
    while True:
        await connection.fetchval(WORK)


async def _close(connection: Connection) -> None:
    """In good order: one whose socket just closes goes on waiting for its lock, in the way of the next."""
    try:
        await connection.close(timeout=SECONDS_TO_CLOSE)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


async def _cancel(task: asyncio.Task[object]) -> None:
    """End it whatever became of it: a decoy that was ended from outside is for the judge to tell."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def identities(server: Postgres, pids: list[int]) -> dict[int, tuple[datetime, datetime | None]]:
    """Start and start of the transaction, by pid, of those that are there."""
    async with connected(server, SUPERUSER) as connection:
        rows = await connection.fetch(IDENTITY, pids)
    return {row["pid"]: (row["backend_start"], row["xact_start"]) for row in rows}
