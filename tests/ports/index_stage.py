"""Where the contract of the port Indexes is played: a large table, and a query that reads all of it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import override

import asyncpg
from psycopg import pq

from activities.indexes import PostgresIndexes
from activities.postgres import PostgresDatabase
from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.fakes import changes
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
-- So many that every row is looked at: numbers without chance.
SET default_statistics_target = 1000;
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
    def running(self) -> AbstractContextManager[None]:
        """The application runs the query for as long as the block lasts."""

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
    @contextmanager
    def running(self) -> Iterator[None]:
        name = self.target.instances[0].name
        self._world.happens(changes.slow_down(name, self.target.database, [700], self.query_id))
        yield
        self._world.happens(changes.change_app(name, leaked=()))

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
        self._last: tuple[str, tuple[object, ...]] = ("", ())
        stack.push_async_callback(self.database.close)

    @override
    async def open(self) -> None:
        connection = await self.connect()
        await connection.execute(PREPARE)
        # The same text may have been another query before, of columns of other types.
        await self.execute("SELECT pg_stat_statements_reset()")
        await self.query(QUERY, 7)

    async def query(self, statement: str, *arguments: object) -> int:
        """Run it once, as the application; the id of its shape, which is the stage's query from then on."""
        self._last = (statement, arguments)
        connection = await self.connect()
        await connection.fetch(statement, *arguments)
        async with postgres_roles.connected(self._server, "covetpy") as administrator:
            self.query_id = int(await administrator.fetchval(ID, statement))
            return self.query_id

    @override
    @contextmanager
    def running(self, search_path: str = '"$user", public') -> Iterator[None]:
        """Without the end of a message the server takes the statement for one that still runs."""
        statement, arguments = self._last
        session = pq.PGconn.connect(self._server.application_dsn.encode())
        try:
            session.exec_(f"SET search_path = {search_path}".encode())
            session.enter_pipeline_mode()
            session.send_query_params(statement.encode(), [_as_text(each) for each in arguments])
            session.send_flush_request()
            result = session.get_result()
            assert result is not None
            assert result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
            yield
        finally:
            session.finish()

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


def _as_text(value: object) -> bytes:
    text = f"{{{', '.join(map(str, value))}}}" if isinstance(value, list) else str(value)
    return text.encode()


def _advise(known: IndexAdvice) -> Change:
    def apply(state: State, _at: datetime) -> State:
        return State(**{**state.__dict__, "advice": known})

    return apply


@asynccontextmanager
async def open_indexes(server: Postgres) -> AsyncIterator[RealIndexes]:
    """The stage with its table and its logins, for the block."""
    async with AsyncExitStack() as stack:
        found = RealIndexes(server, stack)
        await found.open()
        yield found
