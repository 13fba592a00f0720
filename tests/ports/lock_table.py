"""A table on the real server whose locks sessions hold and wait for."""

import asyncio
import itertools
from contextlib import AsyncExitStack

import asyncpg

from deploy.local import postgres_roles
from deploy.local.postgres import Postgres

type Connection = asyncpg.Connection[asyncpg.Record]

TABLE = "queue_of_locks"
ROWS = 40
WAITS = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"


class LockTable:
    """Every session that writes has a row of its own, which others can be made to wait for."""

    def __init__(self, server: Postgres, stack: AsyncExitStack) -> None:
        self._server = server
        self._stack = stack
        self._rows: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._is_made = False

    async def write(self, connection: Connection, behind: int | None = None) -> None:
        """Change its own row, and stay in the transaction; then wait for that of `behind`."""
        await self._make()
        pid, row = connection.get_server_pid(), next(self._numbers)
        self._rows[pid] = row
        await connection.execute("BEGIN")
        await connection.execute(f"UPDATE {TABLE} SET times = times + 1 WHERE id = {row}")  # noqa: S608
        if behind is not None:
            other = self._rows[behind]
            await self.wait(connection, f"UPDATE {TABLE} SET times = times + 1 WHERE id = {other}")  # noqa: S608

    async def read(self, connection: Connection, *, waits: bool = False) -> None:
        """Read the table and stay in the transaction, or wait to read it."""
        await self._make()
        await connection.execute("BEGIN")
        statement = f"SELECT count(*) FROM {TABLE}"  # noqa: S608
        await (self.wait(connection, statement) if waits else connection.execute(statement))

    async def change(self, connection: Connection, *, is_owner: bool) -> None:
        """Wait to change it: its owner to alter it, anybody else to empty it."""
        await self._make()
        altering = f"alter  table {TABLE} ADD COLUMN IF NOT EXISTS added integer"
        await self.wait(connection, altering if is_owner else f"TRUNCATE {TABLE}")

    async def wait(self, connection: Connection, statement: str) -> None:
        """Send the statement, and return once it waits for a lock."""
        task = asyncio.create_task(connection.execute(statement))
        self._stack.push_async_callback(_settle, connection, task)
        async with asyncio.timeout(10), postgres_roles.connected(self._server, "covetpy") as administrator:
            while not await administrator.fetchval(WAITS, connection.get_server_pid()):
                if task.done():
                    raise AssertionError(f"{statement} did not wait: {task.exception() or task.result()}")
                await asyncio.sleep(0.01)

    async def _make(self) -> None:
        if self._is_made:
            return
        self._is_made = True
        async with postgres_roles.connected(self._server, "covetpy") as administrator:
            await administrator.execute(f"DROP TABLE IF EXISTS {TABLE}")
            await administrator.execute(
                f"CREATE TABLE {TABLE} (id integer PRIMARY KEY, times integer NOT NULL)"
            )
            await administrator.execute(
                f"INSERT INTO {TABLE} SELECT n, 0 FROM generate_series(1, {ROWS}) AS n"  # noqa: S608
            )
            await administrator.execute(f"GRANT ALL ON {TABLE} TO PUBLIC")
            await administrator.execute(f"ALTER TABLE {TABLE} OWNER TO covetpy")


async def _settle(connection: Connection, task: "asyncio.Task[str]") -> None:
    """The session is dropped by the stage; what waited then fails, which is its end."""
    connection.terminate()
    await asyncio.gather(task, return_exceptions=True)
