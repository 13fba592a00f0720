"""poolmedic's own connection to the real PostgreSQL: one look, and sessions ended by an act."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from activities.postgres import PostgresDatabase
from tests.ports import examples
from workflows.models.evidence import DatabaseReading
from workflows.models.outcome import Outcome
from workflows.models.plan import Termination
from workflows.models.target import Target
from workflows.ports.requests import TerminateRequest


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[PostgresDatabase]:
    """Database that this connection string leads to."""
    database = PostgresDatabase({examples.DSN: dsn})
    try:
        yield database
    finally:
        await database.close()


async def read(dsn: str, subject: Target | None = None) -> DatabaseReading:
    """One look over a connection of its own."""
    async with opened(dsn) as database:
        return await database.read_database(examples.look(subject or examples.target()))


async def terminate(database: PostgresDatabase, subject: Target, pids: list[int]) -> Outcome:
    """End the sessions with these pids, as they were seen just before."""
    seen = (await database.read_database(examples.look(subject))).sessions
    sessions = tuple(session.identity for session in seen if session.identity.pid in pids)
    assert len(sessions) == len(pids)
    request = TerminateRequest(target=subject, act=Termination(sessions=sessions))
    return await examples.environment().run(database.terminate_sessions, request)
