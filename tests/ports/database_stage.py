"""Where the contract of the port Database is played: sessions are opened here, and watched from outside."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import override

import asyncpg

from activities.postgres import PostgresDatabase
from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.lock_table import LockTable
from tests.ports.long_queries import READING, STUBBORN, WRITING, LongQueries
from workflows.models.evidence import ServerReading
from workflows.models.session import Session
from workflows.models.target import Target
from workflows.ports.activities import Database

type Connection = asyncpg.Connection[asyncpg.Record]


class DatabaseStage(ABC):
    """A server with sessions that behave as told; `ended` is its own word about what was done to them."""

    port: Database
    target: Target

    @abstractmethod
    async def leak(
        self, *, role: str | None = None, application: str = examples.APPLICATION, database: str | None = None
    ) -> int:
        """Open a session that stays idle in transaction; its pid."""

    @abstractmethod
    async def idle(self) -> int:
        """Open a session of the target's own that has nothing to do; its pid."""

    @abstractmethod
    async def move_on(self, pid: int) -> None:
        """Let that session run a statement and be idle in transaction again."""

    @abstractmethod
    async def lock(self, pid: int) -> None:
        """Let that session take an advisory lock for as long as it lives, and stay as it is otherwise."""

    @abstractmethod
    async def write(
        self, *, role: str | None = None, application: str = examples.APPLICATION, behind: int | None = None
    ) -> int:
        """Open a session that changes a row of its own and stays in the transaction; its pid.

        `behind`: then it changes that session's row as well, and waits.
        """

    @abstractmethod
    async def read_table(self, *, application: str = examples.APPLICATION, behind: int | None = None) -> int:
        """Open a session that reads the table and stays in the transaction, or waits to read it; its pid."""

    @abstractmethod
    async def change_table(self, *behind: int, role: str | None = None) -> int:
        """Open a session, `migration`, that waits behind these to change the table; its pid."""

    @abstractmethod
    async def run(
        self, *, application: str = examples.APPLICATION, writes: bool = False, heeds: bool = True
    ) -> int:
        """Open a session that runs one statement for a minute; its pid.

        `writes`: one that may write; `heeds`: it stops when it is told to.
        """

    @abstractmethod
    async def limit(self, *, role: int | None, database: int | None) -> None:
        """Set the connection limits of the target's role and of its database, None for no limit."""

    @abstractmethod
    async def set_timeout(self, setting: str | None) -> None:
        """Set the role's timeout for idle transactions in its database by an administrator's hand."""

    @abstractmethod
    def ended(self) -> list[int]:
        """Pids of the sessions of this stage that were ended by somebody's command, once per time."""

    @abstractmethod
    def cancelled(self) -> list[int]:
        """Pids of the sessions of this stage whose statement somebody cancelled, once per time."""

    @abstractmethod
    async def alive(self) -> set[int]:
        """Pids of the sessions of this stage that are still there."""

    @abstractmethod
    async def disappear(self) -> None:
        """Make the server unreachable for the port from now on."""


class RealDatabase(DatabaseStage):
    """PostgreSQL; judged by its own log and by `pg_stat_activity` as its superuser sees it."""

    def __init__(self, server: Postgres, stack: AsyncExitStack) -> None:
        self._server = server
        self._stack = stack
        self._connections: dict[int, Connection] = {}
        self.table = LockTable(server, stack)
        self.queries = LongQueries(server, stack)
        self.medic = PostgresDatabase({examples.DSN: server.medic_dsn})
        stack.push_async_callback(self.medic.close)
        self.port = self.medic
        self.target = examples.target()

    @override
    async def leak(
        self, *, role: str | None = None, application: str = examples.APPLICATION, database: str | None = None
    ) -> int:
        dsn = self._server.dsn(role or self._server.settings.application_role, database)
        connection = await self._connect(dsn, application)
        await connection.execute("BEGIN")
        await connection.fetchval("SELECT 1")
        return connection.get_server_pid()

    @override
    async def idle(self) -> int:
        connection = await self._connect(self._server.application_dsn, examples.APPLICATION)
        await connection.fetchval("SELECT 1")
        return connection.get_server_pid()

    @override
    async def move_on(self, pid: int) -> None:
        await self.connection(pid).fetchval("SELECT 1")

    @override
    async def lock(self, pid: int) -> None:
        await self.connection(pid).fetchval("SELECT pg_advisory_lock($1)", pid)

    @override
    async def write(
        self, *, role: str | None = None, application: str = examples.APPLICATION, behind: int | None = None
    ) -> int:
        connection = await self._connect(self._dsn(role), application)
        await self.table.write(connection, behind)
        return connection.get_server_pid()

    @override
    async def read_table(self, *, application: str = examples.APPLICATION, behind: int | None = None) -> int:
        connection = await self._connect(self._dsn(None), application)
        await self.table.read(connection, waits=behind is not None)
        return connection.get_server_pid()

    @override
    async def change_table(self, *behind: int, role: str | None = None) -> int:
        connection = await self._connect(self._dsn(role), "migration")
        await self.table.change(connection, is_owner=role is None)
        return connection.get_server_pid()

    @override
    async def run(
        self, *, application: str = examples.APPLICATION, writes: bool = False, heeds: bool = True
    ) -> int:
        connection = await self._connect(self._dsn(None), application)
        await self.queries.run(connection, WRITING if writes else READING if heeds else STUBBORN)
        return connection.get_server_pid()

    async def run_text(self, statement: str) -> int:
        """The same with this very statement, which must take its time."""
        connection = await self._connect(self._dsn(None), examples.APPLICATION)
        await self.queries.run(connection, statement)
        return connection.get_server_pid()

    def _dsn(self, role: str | None) -> str:
        return self._server.dsn(role or self._server.settings.application_role)

    @override
    async def limit(self, *, role: int | None, database: int | None) -> None:
        self._stack.push_async_callback(self._limit, None, None)
        await self._limit(role, database)

    async def _limit(self, role: int | None, database: int | None) -> None:
        own = self.target.database
        async with postgres_roles.connected(self._server, own.dbname) as administrator:
            for kind, name, most in (("ROLE", own.role, role), ("DATABASE", own.dbname, database)):
                await administrator.execute(
                    f"ALTER {kind} {name} CONNECTION LIMIT {-1 if most is None else most}"
                )

    @override
    async def set_timeout(self, setting: str | None) -> None:
        self._stack.push_async_callback(self._set_timeout, None)
        await self._set_timeout(setting)

    async def _set_timeout(self, setting: str | None) -> None:
        own, name = self.target.database, "idle_in_transaction_session_timeout"
        change = f"RESET {name}" if setting is None else f"SET {name} = '{setting}'"
        async with postgres_roles.connected(self._server, own.dbname) as administrator:
            await administrator.execute(f"ALTER ROLE {own.role} IN DATABASE {own.dbname} {change}")

    @override
    def ended(self) -> list[int]:
        return [line.pid for line in self._server.log.ended_sessions() if line.pid in self._connections]

    @override
    def cancelled(self) -> list[int]:
        return [line.pid for line in self._server.log.cancelled_queries() if line.pid in self._connections]

    @override
    async def alive(self) -> set[int]:
        async with asyncio.timeout(5):
            connection = await asyncpg.connect(self._server.superuser_dsn)
        try:
            rows = await connection.fetch("SELECT pid FROM pg_stat_activity")
        finally:
            await connection.close()
        return {row["pid"] for row in rows} & self._connections.keys()

    @override
    async def disappear(self) -> None:
        await self.medic.close()
        self.port = PostgresDatabase({examples.DSN: "postgresql://poolmedic@127.0.0.1:9/covetpy"})

    def connection(self, pid: int) -> Connection:
        return self._connections[pid]

    async def sessions_once(self, holds: Callable[[dict[int, Session]], bool]) -> dict[int, Session]:
        """The target's sessions by pid, read through the port until `holds`, for ten seconds at most."""
        async with asyncio.timeout(10):
            while True:
                reading = await self.port.read_database(examples.look(self.target))
                sessions = {session.identity.pid: session for session in reading.sessions}
                if holds(sessions):
                    return sessions
                await asyncio.sleep(0.05)

    async def server(self) -> ServerReading:
        """What the port says of the server."""
        return (await self.port.read_database(examples.look(self.target))).server

    async def server_once(self, holds: Callable[[ServerReading], bool]) -> None:
        """Returns once the port says that, within ten seconds."""
        async with asyncio.timeout(10):
            while True:
                if holds(await self.server()):
                    return
                await asyncio.sleep(0.05)

    async def _connect(self, dsn: str, application: str) -> Connection:
        connection = await asyncpg.connect(dsn, server_settings={"application_name": application})
        self._stack.callback(connection.terminate)
        self._connections[connection.get_server_pid()] = connection
        return connection
