"""What real sessions show: locks, writes, progress, and the statements behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import Connection, RealDatabase
from tests.ports.medic import opened, read, terminate
from workflows.models.outcome import OutcomeStatus
from workflows.models.reading import Known, Unavailable

SLOW_STATEMENTS = """
CREATE EXTENSION pg_stat_statements;
ALTER EXTENSION pg_stat_statements DROP VIEW pg_stat_statements;
DROP VIEW pg_stat_statements;
CREATE FUNCTION slow() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(30);
    RETURN true;
EXCEPTION WHEN query_canceled THEN
    PERFORM pg_sleep(30);
    RETURN true;
END $$;
CREATE VIEW pg_stat_statements AS
SELECT r.oid AS userid, d.oid AS dbid, 1::bigint AS queryid, 'SELECT 1'::text AS query, 1::bigint AS calls,
       1::float8 AS total_exec_time, 1::float8 AS mean_exec_time, 1::float8 AS max_exec_time,
       0::float8 AS stddev_exec_time
  FROM pg_roles AS r, pg_database AS d
 WHERE slow();
GRANT SELECT ON pg_stat_statements TO PUBLIC"""


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


async def test_the_age_of_an_idle_session_does_not_count_its_last_statement(
    stage: RealDatabase, admin: Connection, postgres_server: Postgres
) -> None:
    pid = await stage.leak()
    await stage.connection(pid).execute("SELECT pg_sleep(2)")
    since = "extract(epoch FROM clock_timestamp() - state_change) FROM pg_stat_activity WHERE pid = $1"
    least = await admin.fetchval(f"SELECT {since}", pid)
    (session,) = (await read(postgres_server.medic_dsn)).sessions
    most = await admin.fetchval(f"SELECT {since}", pid)
    assert least <= session.state_seconds <= most


async def test_a_standby_that_commits_wait_for_and_that_is_gone(
    stage: RealDatabase, admin: Connection
) -> None:
    await admin.execute("CREATE TABLE IF NOT EXISTS kept (id int); GRANT ALL ON kept TO covetpy")
    writer = await stage.idle()
    assert (await stage.server()).sync_standbys is None

    is_seen = asyncio.Event()

    async def write_on() -> None:
        """The server takes the setting when it likes: commits go through until then."""
        while not is_seen.is_set():
            await stage.connection(writer).execute("INSERT INTO kept VALUES (1)")

    await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
    await admin.execute("SELECT pg_reload_conf()")
    await stage.server_once(lambda server: server.sync_standbys == 0)
    writing = asyncio.create_task(write_on())
    try:
        sessions = await stage.sessions_once(lambda seen: seen[writer].wait_event == "SyncRep")
        assert sessions[writer].identity.state == "active"
    finally:
        is_seen.set()
        await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        await admin.execute("SELECT pg_reload_conf()")
    await writing


async def test_who_blocks_whom_and_who_has_written(stage: RealDatabase, admin: Connection) -> None:
    await admin.execute("CREATE TABLE IF NOT EXISTS held (id int); GRANT ALL ON held TO covetpy")
    holder, waiter = await stage.leak(), await stage.leak()
    await stage.connection(holder).execute("INSERT INTO held VALUES (1); LOCK TABLE held")
    task = asyncio.create_task(stage.connection(waiter).execute("INSERT INTO held VALUES (2)"))
    try:
        sessions = await stage.sessions_once(lambda seen: bool(seen[waiter].blocked_by))
    finally:
        await stage.connection(holder).execute("ROLLBACK")
        await task
    assert sessions[waiter].blocked_by == (holder,)
    assert sessions[waiter].wait_event_type == "Lock"
    assert sessions[holder].has_written
    assert sessions[holder].blocked_by == ()


async def test_a_migration_under_way_is_marked_and_survives(
    postgres_server: Postgres, stage: RealDatabase, admin: Connection
) -> None:
    await admin.execute("CREATE TABLE IF NOT EXISTS grown (id int)")
    await admin.execute("ALTER TABLE grown OWNER TO covetpy")
    reader, migration = await stage.leak(), await stage.idle()
    await stage.connection(reader).execute("LOCK TABLE grown IN ROW EXCLUSIVE MODE")
    build = stage.connection(migration).execute("CREATE INDEX CONCURRENTLY grown_id ON grown (id)")
    task = asyncio.create_task(build)
    try:
        seen = await stage.sessions_once(lambda seen: seen[migration].in_progress is not None)
        assert seen[migration].in_progress == "pg_stat_progress_create_index"
        async with opened(postgres_server.medic_dsn) as database:
            outcome = await terminate(database, stage.target, [migration])
        assert outcome.status is OutcomeStatus.NOTHING
        assert "protects it" in outcome.touched[0].result
    finally:
        await stage.connection(reader).execute("ROLLBACK")
        await task
    assert stage.ended() == []


async def test_statements_are_the_targets_own_and_hold_no_literal(
    stage: RealDatabase, postgres_server: Postgres, admin: Connection
) -> None:
    # Only the most expensive shapes are read, and what other tests ran may have been all of these.
    await admin.execute("SELECT pg_stat_statements_reset()")
    pid = await stage.idle()
    await stage.connection(pid).execute("DO $$ BEGIN PERFORM 'hunter2'; END $$; SELECT 'hunter2', 42")
    statements = (await read(postgres_server.medic_dsn)).statements
    assert isinstance(statements, Known)
    assert statements.value
    assert any(shape.text.startswith("DO ?") for shape in statements.value)
    dumped = statements.model_dump_json()
    assert "hunter2" not in dumped
    assert "PASSWORD" not in dumped
    assert all(shape.calls > 0 and shape.mean_seconds >= 0 for shape in statements.value)


async def test_statements_that_do_not_come_in_time_leave_the_sessions_readable(
    postgres_server: Postgres, stage: RealDatabase, admin: Connection
) -> None:
    """A text file grown huge, on a server that is slow to notice its own statement_timeout."""
    await admin.execute("CREATE DATABASE slow_texts OWNER covetpy")
    async with postgres_roles.connected(postgres_server, "slow_texts") as owner:
        await owner.execute(postgres_roles.SCRIPT.read_text())
        await owner.execute(SLOW_STATEMENTS)
    pid = await stage.leak(database="slow_texts")
    subject = examples.target(dbname="slow_texts")
    async with opened(postgres_server.dsn("poolmedic", "slow_texts")) as database:
        for _ in range(2):
            reading = await database.read_database(examples.look(subject))
            assert [session.identity.pid for session in reading.sessions] == [pid]
            assert reading.statements == Unavailable(reason="pg_stat_statements: no answer in time")
        ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'poolmedic'"
        assert await admin.fetchval(ours) == 1
