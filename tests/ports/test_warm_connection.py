"""The one open connection outlives stalls of the server, since its slot may never come back."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import asyncpg
import pytest

from activities.postgres import PostgresDatabase
from activities.warm_connection import PING_SECONDS, WarmConnection
from deploy.local import postgres, postgres_roles
from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.ports import examples
from tests.ports.database_stage import Connection
from tests.ports.forwarder import Forwarder
from workflows.errors import SourceUnavailable, WrongServer
from workflows.models.evidence import DatabaseReading
from workflows.models.reading import Known, Unavailable

OURS = "SELECT array_agg(pid) FROM pg_stat_activity WHERE usename = 'poolmedic'"


@pytest.fixture
async def database(postgres_server: Postgres) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase({examples.DSN: postgres_server.medic_dsn})
    assert await opened.warm() == {}
    yield opened
    await opened.close()


async def read(database: PostgresDatabase) -> DatabaseReading:
    return await database.read_database(examples.look(examples.target()))


async def ours(admin: Connection, expected: set[int]) -> set[int]:
    """Pids of our own backends, as expected if they become so within ten seconds."""
    found = set(await admin.fetchval(OURS) or ())
    for _ in range(200):
        if found == expected:
            break
        await asyncio.sleep(0.05)
        found = set(await admin.fetchval(OURS) or ())
    return found


@contextmanager
def stalled(pid: int) -> Iterator[None]:
    """The backend stands still: it is there, holds its slot, and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def every_slot_taken(server: Postgres, admin: Connection) -> AsyncIterator[None]:
    """By the application, and nothing is reserved for us, as before PostgreSQL 16."""
    await admin.execute("REVOKE pg_use_reserved_connections FROM poolmedic")
    try:
        async with AsyncExitStack() as crowd:
            with contextlib.suppress(asyncpg.TooManyConnectionsError):
                while True:
                    connection = await asyncpg.connect(server.application_dsn)
                    crowd.callback(connection.terminate)
            yield
    finally:
        await admin.execute("GRANT pg_use_reserved_connections TO poolmedic")


async def test_a_stall_while_every_slot_is_taken_does_not_cost_the_connection(
    postgres_server: Postgres, admin: Connection, database: PostgresDatabase
) -> None:
    (pid,) = await admin.fetchval(OURS)
    async with every_slot_taken(postgres_server, admin):
        with stalled(pid):
            for _ in range(2):
                with pytest.raises(SourceUnavailable, match=r"which is kept, and no new .*53300") as failed:
                    await read(database)
                # Temporal would write the cause into the history.
                assert failed.value.__cause__ is None
        assert (await read(database)).server.connections >= 50
    assert await admin.fetchval(OURS) == [pid]


async def test_where_there_is_room_a_new_connection_takes_the_place_of_one_that_stalls(
    admin: Connection, database: PostgresDatabase
) -> None:
    (pid,) = await admin.fetchval(OURS)
    with stalled(pid):
        assert (await read(database)).server.can_terminate
        successors = set(await admin.fetchval(OURS)) - {pid}
        assert len(successors) == 1
    assert await ours(admin, successors) == successors
    await read(database)
    assert await ours(admin, successors) == successors


async def test_a_statement_that_is_cut_off_leaves_the_connection_in_order(
    postgres_server: Postgres, admin: Connection
) -> None:
    warm = WarmConnection(examples.DSN, postgres_server.medic_dsn)
    async with warm.lend() as connection:
        pid = connection.get_server_pid()
    for statement in ("SELECT pg_sleep(2)", "SELECT count(*) FROM pg_stat_activity, pg_sleep(2)"):
        with pytest.raises(SourceUnavailable, match="no answer in time"):
            async with warm.lend() as connection, connection.transaction(readonly=True):
                await connection.fetchval(statement, timeout=0.2)
        async with warm.lend() as connection:
            assert await connection.fetchval("SELECT 42") == 42
            assert not connection.is_in_transaction()
    assert await ours(admin, {pid}) == {pid}
    await warm.close()


async def test_a_caller_who_is_cancelled_leaves_the_connection_in_order(
    postgres_server: Postgres, admin: Connection
) -> None:
    warm = WarmConnection(examples.DSN, postgres_server.medic_dsn)

    async def work() -> None:
        async with warm.lend() as connection, connection.transaction(readonly=True):
            await connection.fetchval("SELECT pg_sleep(3)")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work(), 0.3)
    (pid,) = await admin.fetchval(OURS)
    async with warm.lend() as connection:
        assert connection.get_server_pid() == pid
        assert await connection.fetchval("SELECT 42") == 42
    await warm.close()


@pytest.mark.parametrize("is_asked", [False, True])
async def test_closing_does_not_wait_for_a_connection_that_stalls(
    admin: Connection, database: PostgresDatabase, is_asked: bool
) -> None:
    (pid,) = await admin.fetchval(OURS)
    with stalled(pid):
        if is_asked:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(database), PING_SECONDS / 2)
        async with asyncio.timeout(PING_SECONDS + 2):
            await database.close()
    assert await ours(admin, set()) == set()


async def test_after_a_failover_the_next_read_reaches_the_right_server_again(
    stack_state: State, postgres_server: Postgres, admin: Connection
) -> None:
    identifier = await admin.fetchval("SELECT system_identifier::text FROM pg_control_system()")
    right = examples.target(system_identifier=identifier)
    async with (
        postgres.serve(stack_state, postgres.Settings(name="elsewhere")) as elsewhere,
        Forwarder.to(elsewhere.port) as address,
    ):
        async with postgres_roles.connected(elsewhere, "covetpy") as other_admin:
            await other_admin.execute(
                f"ALTER ROLE poolmedic PASSWORD '{postgres_server.password('poolmedic')}'"
            )
        database = PostgresDatabase({examples.DSN: address.through(postgres_server.medic_dsn)})
        try:
            with pytest.raises(WrongServer, match="system identifier"):
                await database.read_database(examples.look(right))
            address.upstream = postgres_server.port
            reading = await database.read_database(examples.look(right))
            assert reading.server.system_identifier == identifier
        finally:
            await database.close()


async def test_a_server_that_answers_late_is_not_asked_for_what_can_be_done_without(
    postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.postgres.SECONDS_FOR_STATEMENTS", 2.0)
    async with Forwarder.to(postgres_server.port) as address, AsyncExitStack() as opened:
        database = PostgresDatabase({examples.DSN: address.through(postgres_server.medic_dsn)})
        opened.push_async_callback(database.close)
        assert await database.warm() == {}
        before = await read(database)  # from the second time on each statement is one round trip
        address.delay = 0.6
        reading = await read(database)
    assert isinstance(before.statements, Known)
    assert isinstance(reading.statements, Unavailable)
    assert "not asked, the server had taken" in reading.statements.reason
    assert reading.server.started_at == before.server.started_at


async def test_a_look_takes_no_time_to_plan_what_was_planned_at_rest(database: PostgresDatabase) -> None:
    """On a server without time for it, planning took longer than all the answers."""
    await database.rehearse()
    planned = await _planned(database)

    await read(database)

    assert len(planned) > 10
    assert await _planned(database) == planned


async def test_a_rehearsal_gives_way_to_whoever_wants_the_connection(database: PostgresDatabase) -> None:
    connection = database.connection(examples.target().database)
    async with connection.lend():
        async with asyncio.timeout(1):
            await database.rehearse()
    assert await _planned(database) == {}


async def test_what_is_not_open_is_not_rehearsed(postgres_server: Postgres) -> None:
    database = PostgresDatabase({examples.DSN: postgres_server.medic_dsn})
    await database.rehearse()
    assert not database.connection(examples.target().database).is_at_rest


async def _planned(database: PostgresDatabase) -> dict[str, int]:
    """What is prepared on its connection, and how often each was planned for its values alone."""
    async with database.connection(examples.target().database).lend() as connection:
        rows = await connection.fetch(
            "SELECT name, custom_plans FROM pg_prepared_statements "
            "WHERE statement !~ 'prepared_statements|^SELECT 1$'"
        )
    return {row["name"]: row["custom_plans"] for row in rows}
