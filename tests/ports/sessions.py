"""Sessions of an application on the real server, and the functions of deploy/postgres that end them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg

from deploy.local.postgres import Postgres

type Connection = asyncpg.Connection[asyncpg.Record]

DESCRIBE = """
SELECT pid, backend_start, state, state_change, xact_start, query_start, usename, datname, application_name
  FROM pg_stat_activity WHERE pid = $1
"""
APPLICATION = "orders-api"
OTHERS: list[dict[str, object]] = [
    {"backend_start": timedelta(microseconds=1)},
    {"state_change": timedelta(microseconds=-1)},
    {"xact_start": timedelta(microseconds=1)},
    {"xact_start": None},
    {"state": "idle"},
    {"state": "idle in transaction (aborted)"},
    {"usename": "billing"},
    {"datname": "postgres"},
    {"application_name": ""},
    {"application_name": "ORDERS-API"},
    {"state": None},
    {"backend_start": None},
    {"application_name": None},
]


@dataclass(frozen=True)
class Session:
    """One row of pg_stat_activity, as the pipeline would have seen it."""

    pid: int
    backend_start: datetime
    state: str
    state_change: datetime
    xact_start: datetime | None
    query_start: datetime
    usename: str
    datname: str
    application_name: str


@contextlib.asynccontextmanager
async def connected(dsn: str, name: str = APPLICATION) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": name})
    try:
        yield connection
    finally:
        connection.terminate()


@contextlib.asynccontextmanager
async def leaking(
    server: Postgres, dsn: str | None = None, name: str = APPLICATION
) -> AsyncIterator[Connection]:
    """A session left idle in transaction."""
    async with connected(dsn or server.application_dsn, name) as connection:
        await connection.execute("BEGIN")
        await connection.fetchval("SELECT 1")
        yield connection


@contextlib.asynccontextmanager
async def running(connection: Connection, statement: str) -> AsyncIterator["asyncio.Task[str]"]:
    """The statement under way on that connection, and its end awaited."""
    task = asyncio.create_task(connection.execute(statement))
    try:
        yield task
    finally:
        # Cancelled, not only left: the server would go on for a client that is gone.
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(asyncpg.InterfaceError, TimeoutError):
            await connection.close(timeout=5)


async def describe(medic: Connection, pid: int) -> Session:
    row = await medic.fetchrow(DESCRIBE, pid)
    assert row is not None
    return Session(**dict(row))


async def described_as(medic: Connection, pid: int, condition: str) -> Session:
    """The session once it is in that condition, which it reaches within ten seconds."""
    for _ in range(1000):
        row = await medic.fetchrow(f"{DESCRIBE} AND {condition}", pid)
        if row is not None:
            return Session(**dict(row))
        await asyncio.sleep(0.01)
    raise AssertionError(f"session {pid} never was in condition {condition}")


async def terminate(connection: Connection, session: Session) -> bool:
    s = session
    identity = (s.pid, s.backend_start, s.state, s.state_change, s.xact_start)
    names = (s.usename, s.datname, s.application_name)
    return bool(
        await connection.fetchval(
            "SELECT poolmedic.terminate_session($1, $2, $3, $4, $5, $6, $7, $8)", *identity, *names
        )
    )


async def cancel(connection: Connection, session: Session) -> bool:
    s = session
    identity = (s.pid, s.backend_start, s.state, s.state_change, s.xact_start, s.query_start)
    names = (s.usename, s.datname, s.application_name)
    return bool(
        await connection.fetchval(
            "SELECT poolmedic.cancel_query($1, $2, $3, $4, $5, $6, $7, $8, $9)", *identity, *names
        )
    )


async def gone(medic: Connection, session: Session) -> bool:
    """Whether it went away; waits up to two seconds, since a signal is not the end."""
    for _ in range(200):
        if not await medic.fetchval(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", session.pid
        ):
            return True
        await asyncio.sleep(0.01)
    return False


def mistaken(session: Session, other: dict[str, object]) -> Session:
    """The session with one column replaced, or shifted by a time."""
    wrong = {
        name: getattr(session, name) + value if isinstance(value, timedelta) else value
        for name, value in other.items()
    }
    return replace(session, **wrong)  # type: ignore[arg-type]
