"""What only a real PostgreSQL can show: rights, identity, locks, progress, statements, lost answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter

from activities.postgres import PostgresDatabase
from activities.warm_connection import WarmConnection
from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.cutting_proxy import CuttingProxy
from tests.ports.database_stage import Connection, RealDatabase
from workflows.errors import NotConfigured, SourceNonsense, SourceRefused, SourceUnavailable, WrongServer
from workflows.models.evidence import DatabaseReading
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Termination
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.ports.requests import TerminateRequest

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
       1::float8 AS total_exec_time
  FROM pg_roles AS r, pg_database AS d
 WHERE slow();
GRANT SELECT ON pg_stat_statements TO PUBLIC"""


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


@pytest.fixture
async def admin(postgres_server: Postgres) -> AsyncIterator[Connection]:
    async with postgres_roles.connected(postgres_server, "covetpy") as connection:
        yield connection


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase({examples.DSN: dsn})
    try:
        yield database
    finally:
        await database.close()


async def take_every_slot(server: Postgres, stack: AsyncExitStack) -> None:
    for _ in range(server.settings.max_connections + 1):
        connection = await asyncpg.connect(server.application_dsn)
        stack.callback(connection.terminate)


async def read(dsn: str, subject: Target | None = None) -> DatabaseReading:
    async with opened(dsn) as database:
        return await database.read_database(examples.look(subject or examples.target()))


async def terminate(database: PostgresDatabase, subject: Target, pids: list[int]) -> Outcome:
    seen = (await database.read_database(examples.look(subject))).sessions
    sessions = tuple(session.identity for session in seen if session.identity.pid in pids)
    assert len(sessions) == len(pids)
    request = TerminateRequest(target=subject, act=Termination(sessions=sessions))
    return await examples.environment().run(database.terminate_sessions, request)


async def test_server_facts_match_what_its_superuser_sees(
    postgres_server: Postgres, admin: Connection
) -> None:
    server = (await read(postgres_server.medic_dsn)).server
    assert server.max_connections == postgres_server.settings.max_connections
    assert server.reserved_connections == 6
    assert (server.reserved_for_roles, server.uses_reserved) == (3, True)
    assert server.version >= 180000
    assert server.can_terminate
    assert not server.in_recovery
    identifier = await admin.fetchval("SELECT system_identifier::text FROM pg_control_system()")
    assert server.system_identifier == identifier


async def test_the_right_to_a_reserved_slot_is_seen_when_it_is_taken_away(
    postgres_server: Postgres, admin: Connection
) -> None:
    await admin.execute("REVOKE pg_use_reserved_connections FROM poolmedic")
    try:
        assert not (await read(postgres_server.medic_dsn)).server.uses_reserved
    finally:
        await admin.execute("GRANT pg_use_reserved_connections TO poolmedic")


async def test_gets_in_when_every_ordinary_slot_is_taken(postgres_server: Postgres) -> None:
    async with AsyncExitStack() as stack, opened(postgres_server.medic_dsn) as database:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await take_every_slot(postgres_server, stack)
        reading = await database.read_database(examples.look(examples.target()))
        assert reading.server.connections >= 54
        with pytest.raises(SourceUnavailable, match="pg_use_reserved_connections"):
            await read(postgres_server.application_dsn)


async def test_one_connection_serves_many_reads_and_is_opened_again_when_ended(
    postgres_server: Postgres, admin: Connection
) -> None:
    ours = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'poolmedic'"
    await admin.execute("ALTER ROLE poolmedic SET idle_session_timeout = '100ms'")
    async with opened(postgres_server.medic_dsn) as database:
        assert await database.warm() == {}
        await admin.execute("ALTER ROLE poolmedic RESET idle_session_timeout")
        (pid,) = await admin.fetchval(ours)
        await asyncio.sleep(0.4)
        await asyncio.gather(*(database.read_database(examples.look(examples.target())) for _ in range(5)))
        assert await admin.fetchval(ours) == [pid]
        await admin.execute("SELECT pg_terminate_backend($1, 2000)", pid)
        await database.read_database(examples.look(examples.target()))
        (successor,) = await admin.fetchval(ours)
        assert successor != pid


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"dbname": "shop"}, "database is covetpy, expected shop"),
        ({"standby": True}, "in recovery is False, expected True"),
        ({"system_identifier": "7"}, "system identifier is"),
    ],
)
async def test_the_wrong_server_is_not_believed(
    postgres_server: Postgres, wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(WrongServer, match=says):
        await read(postgres_server.medic_dsn, examples.target(**wrong))


async def test_a_role_that_cannot_see_other_sessions_is_refused(postgres_server: Postgres) -> None:
    with pytest.raises(SourceRefused, match="pg_read_all_stats"):
        await read(postgres_server.dsn("billing"))


async def test_a_wrong_password_is_refused_and_a_broken_string_never_quoted(
    postgres_server: Postgres,
) -> None:
    where = urlsplit(postgres_server.medic_dsn)
    with pytest.raises(SourceRefused, match="28P01"):
        await read(f"postgresql://poolmedic:hunter2@{where.hostname}:{where.port}/covetpy")
    for broken in ("postgresql://poolmedic:x@127.0.0.1:hunter2/covetpy", "hunter2"):
        with pytest.raises(SourceRefused, match="connection string") as refused:
            await read(broken)
        assert "hunter2" not in str(refused.value)
        # Temporal would write the cause into the history.
        assert refused.value.__cause__ is None


async def test_a_server_s_details_reach_neither_the_history_nor_the_log(
    postgres_server: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    warm = WarmConnection(examples.DSN, postgres_server.medic_dsn)
    failing = "DO $$BEGIN RAISE unique_violation USING MESSAGE = 'taken', DETAIL = 'Key (card)=(4111)'; END$$"
    with caplog.at_level("INFO"), pytest.raises(SourceNonsense, match=r"taken \(SQLSTATE 23505\)") as refused:
        async with warm.lend() as connection:
            await connection.execute(failing)
    await warm.close()
    failure = Failure()
    DefaultFailureConverter().to_failure(refused.value, PayloadConverter.default, failure)
    assert "taken" in str(failure)
    assert "4111" not in str(failure)
    assert f"{examples.DSN}: UniqueViolationError, SQLSTATE 23505" in caplog.text
    assert "4111" not in caplog.text


async def test_a_name_without_a_secret_is_not_configured() -> None:
    with pytest.raises(NotConfigured, match="ORDERS_MEDIC_DSN"):
        await PostgresDatabase({}).read_database(examples.look(examples.target()))


async def test_without_the_functions_nothing_can_be_ended(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    pid = await stage.leak(database="postgres")
    subject = examples.target(dbname="postgres")
    async with opened(postgres_server.dsn("poolmedic", "postgres")) as database:
        reading = await database.read_database(examples.look(subject))
        assert not reading.server.can_terminate
        assert isinstance(reading.statements, Unavailable)
        assert "CREATE EXTENSION" in reading.statements.reason
        with pytest.raises(SourceRefused, match=r"poolmedic\.sql"):
            await terminate(database, subject, [pid])
    assert await stage.alive() == {pid}


async def test_a_role_the_administrator_did_not_list_cannot_be_treated(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    pid = await stage.leak(role="billing")
    subject = examples.target(role="billing")
    async with opened(postgres_server.medic_dsn) as database:
        assert not (await database.read_database(examples.look(subject))).server.can_terminate
        with pytest.raises(SourceRefused, match="application_role"):
            await terminate(database, subject, [pid])
    assert await stage.alive() == {pid}


async def test_execution_denied_is_seen_before_and_during(
    postgres_server: Postgres, stage: RealDatabase, admin: Connection
) -> None:
    pid = await stage.leak()
    signature = await admin.fetchval("SELECT 'poolmedic.terminate_session'::regproc::oid::regprocedure::text")
    await admin.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM poolmedic")
    try:
        async with opened(postgres_server.medic_dsn) as database:
            reading = await database.read_database(examples.look(stage.target))
            assert not reading.server.can_terminate
            with pytest.raises(SourceRefused):
                await terminate(database, stage.target, [pid])
    finally:
        await admin.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO poolmedic")
    assert await stage.alive() == {pid}


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
    stage: RealDatabase, postgres_server: Postgres
) -> None:
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


async def test_an_answer_that_is_lost_makes_the_outcome_unknown_and_a_second_run_touches_nothing(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    pids = [await stage.leak(), await stage.leak()]
    where = urlsplit(postgres_server.medic_dsn)
    async with CuttingProxy.before(where.hostname or "", where.port or 0, b"terminate_session(") as proxy:
        through = postgres_server.medic_dsn.replace(f":{where.port}/", f":{proxy.port}/")
        async with opened(through) as database:
            outcome = await terminate(database, stage.target, pids)
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert [touched.result for touched in outcome.touched] == [
        "asked to end; no answer heard",
        "not reached yet, or not heard of any more",
    ]
    assert await stage.alive() == {pids[1]}
    assert stage.ended() == [pids[0]]


async def test_applying_the_rights_again_leaves_the_warm_connection_in_order(
    postgres_server: Postgres, stage: RealDatabase, admin: Connection
) -> None:
    async with opened(postgres_server.medic_dsn) as database:
        assert (await terminate(database, stage.target, [await stage.leak()])).status is OutcomeStatus.DONE
        await admin.execute(postgres_roles.SCRIPT.read_text())
        assert (await terminate(database, stage.target, [await stage.leak()])).status is OutcomeStatus.DONE
