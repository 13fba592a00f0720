"""Where the contract of the port Indexes is played: a large table, and a query that reads all of it."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import override

import asyncpg

from activities.indexes import PostgresIndexes
from activities.postgres import PostgresDatabase
from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.fakes.changes import Change
from tests.fakes.indexes import ROWS, TABLE, FakeIndexes, advice
from tests.fakes.readings import SLOW_QUERY
from tests.fakes.state import State
from tests.fakes.world import World
from tests.ports import examples
from workflows.models.index import IndexAdvice
from workflows.models.target import Target
from workflows.ports.activities import Indexes

type Connection = asyncpg.Connection[asyncpg.Record]

PREPARE = f"""
DROP TABLE IF EXISTS {TABLE};
CREATE TABLE {TABLE} (id bigint NOT NULL, receiver integer NOT NULL, code varchar(20) NOT NULL, kind integer);
INSERT INTO {TABLE} SELECT n, n % 5000, 'code ' || n % 9000, n % 3 FROM generate_series(1, {ROWS}) AS n;
ANALYZE {TABLE};
"""  # noqa: S608
QUERY = f"SELECT count(*) FROM {TABLE} WHERE receiver = $1"  # noqa: S608
NAMES = """
SELECT c.relname::text, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE i.indrelid = $1::text::regclass"""
ID = """
SELECT queryid FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid
 WHERE r.rolname = 'covetpy' AND query = $1"""


class IndexStage(ABC):
    """A server with one large table without an index."""

    port: Indexes
    target: Target
    query_id: int

    @abstractmethod
    async def open(self) -> None:
        """Fill the table, and run the query often enough to be known."""

    @abstractmethod
    async def names(self) -> dict[str, bool]:
        """The table's indexes, and whether each is valid."""

    @abstractmethod
    async def hinder(self) -> None:
        """Have somebody write to the table and not end."""


class FakeIndexStage(IndexStage):
    """The simulated world."""

    def __init__(self) -> None:
        self.target = examples.target()
        self._world = World(self.target)
        self.port = FakeIndexes(self._world)
        self.query_id = SLOW_QUERY

    @override
    async def open(self) -> None:
        self._world.happens(_advise(advice()))

    @override
    async def names(self) -> dict[str, bool]:
        return dict.fromkeys(self._world.state(datetime.now(UTC)).indexes, True)

    @override
    async def hinder(self) -> None:
        self._world.happens(_advise(advice(in_the_way=("pid 7 (nightly, orders) has a lock on the table",))))


class RealIndexes(IndexStage):
    """PostgreSQL; judged by its catalog as its superuser sees it."""

    def __init__(self, server: Postgres, stack: AsyncExitStack) -> None:
        self._server = server
        self._stack = stack
        self.target = examples.target()
        self.database = PostgresDatabase({examples.DSN: server.medic_dsn})
        self.indexes = PostgresIndexes(self.database, {examples.INDEX_DSN: server.index_dsn})
        self.port = self.indexes
        stack.push_async_callback(self.database.close)

    @override
    async def open(self) -> None:
        connection = await self.connect()
        await connection.execute(PREPARE)
        self.query_id = await self.query(QUERY, 7)

    async def query(self, statement: str, *arguments: object) -> int:
        """Run it once, as the application; the id of its shape."""
        connection = await self.connect()
        await connection.fetch(statement, *arguments)
        async with postgres_roles.connected(self._server, "covetpy") as administrator:
            return int(await administrator.fetchval(ID, statement))

    async def execute(self, *statements: str) -> None:
        """As a superuser, each on its own."""
        async with postgres_roles.connected(self._server, "covetpy") as administrator:
            for statement in statements:
                await administrator.execute(statement)

    async def connect(self) -> Connection:
        """A connection of the application's, to the stage's end."""
        connection = await asyncpg.connect(
            self._server.application_dsn, server_settings={"application_name": examples.APPLICATION}
        )
        self._stack.callback(connection.terminate)
        return connection

    @override
    async def names(self) -> dict[str, bool]:
        async with postgres_roles.connected(self._server, "covetpy") as administrator:
            return {row[0]: row[1] for row in await administrator.fetch(NAMES, TABLE)}

    @override
    async def hinder(self) -> None:
        connection = await self.connect()
        await connection.execute("BEGIN")
        await connection.execute(f"UPDATE {TABLE} SET kind = 4 WHERE id = 1")  # noqa: S608
        await asyncio.sleep(0.01)  # its age is not nothing


def _advise(known: IndexAdvice) -> Change:
    def apply(state: State, _at: datetime) -> State:
        return State(**{**state.__dict__, "advice": known})

    return apply
