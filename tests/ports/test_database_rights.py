"""What the role and the functions of deploy/postgres may do, tried on the real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from deploy.local.postgres_home import programs
from deploy.local.postgres_roles import SCRIPT

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


@pytest.fixture(scope="module")
async def medic(postgres_server: Postgres) -> AsyncIterator[Connection]:
    async with connected(postgres_server.medic_dsn) as connection:
        yield connection


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
        connection.terminate()
        await asyncio.gather(task, return_exceptions=True)


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


async def test_ends_exactly_the_session_described(postgres_server: Postgres, medic: Connection) -> None:
    async with leaking(postgres_server) as leak, leaking(postgres_server) as other:
        seen = await describe(medic, leak.get_server_pid())
        assert await terminate(medic, seen)
        assert await gone(medic, seen)
        assert await other.fetchval("SELECT 1") == 1
        assert not await terminate(medic, seen)
    ended = [line for line in postgres_server.log.ended_sessions() if line.pid == seen.pid]
    assert [(line.user, line.application_name) for line in ended] == [("covetpy", APPLICATION)]
    assert ended[0].session_start == seen.backend_start.replace(microsecond=0)


@pytest.mark.parametrize("other", OTHERS, ids=str)
async def test_one_wrong_column_is_another_session(
    postgres_server: Postgres, medic: Connection, other: dict[str, object]
) -> None:
    async with leaking(postgres_server) as leak:
        seen = await describe(medic, leak.get_server_pid())
        assert not await terminate(medic, mistaken(seen, other))
        assert await leak.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("other", [*OTHERS, {"query_start": timedelta(microseconds=1)}], ids=str)
async def test_one_wrong_column_is_another_statement(
    postgres_server: Postgres, medic: Connection, other: dict[str, object]
) -> None:
    async with (
        connected(postgres_server.application_dsn) as slow,
        running(slow, "SELECT pg_sleep(30)") as task,
    ):
        seen = await described_as(medic, slow.get_server_pid(), "wait_event = 'PgSleep'")
        assert not await cancel(medic, mistaken(seen, other))
        assert not task.done()


def mistaken(session: Session, other: dict[str, object]) -> Session:
    """The session with one column replaced, or shifted by a time."""
    wrong = {
        name: getattr(session, name) + value if isinstance(value, timedelta) else value
        for name, value in other.items()
    }
    return replace(session, **wrong)  # type: ignore[arg-type]


async def test_a_session_that_moved_on_is_another_session(
    postgres_server: Postgres, medic: Connection
) -> None:
    async with leaking(postgres_server) as leak:
        seen = await describe(medic, leak.get_server_pid())
        await leak.execute("COMMIT")
        assert not await terminate(medic, seen)
        await leak.execute("BEGIN")
        assert not await terminate(medic, seen)


async def test_a_long_transaction_of_the_asker_sees_no_old_picture(
    postgres_server: Postgres, medic: Connection
) -> None:
    async with leaking(postgres_server) as leak, medic.transaction():
        seen = await describe(medic, leak.get_server_pid())
        await leak.execute("COMMIT")
        assert not await terminate(medic, seen)
        assert await leak.fetchval("SELECT 1") == 1


async def test_a_session_without_transaction_can_be_named(
    postgres_server: Postgres, medic: Connection
) -> None:
    async with connected(postgres_server.application_dsn) as idle:
        await idle.fetchval("SELECT 1")
        seen = await described_as(medic, idle.get_server_pid(), "state = 'idle'")
        assert seen.xact_start is None
        assert await terminate(medic, seen)
        assert await gone(medic, seen)


async def test_roles_that_were_not_allowed_are_left_alone(
    postgres_server: Postgres, medic: Connection
) -> None:
    for role in ("billing", "postgres", "poolmedic"):
        async with leaking(postgres_server, postgres_server.dsn(role)) as stranger:
            assert not await terminate(medic, await describe(medic, stranger.get_server_pid())), role
            assert await stranger.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("right", ["SUPERUSER", "REPLICATION"])
async def test_an_allowed_role_with_great_rights_is_left_alone(
    postgres_server: Postgres, medic: Connection, right: str
) -> None:
    async with connected(postgres_server.superuser_dsn) as administrator:
        await administrator.execute(f"ALTER ROLE covetpy {right}")
        try:
            async with leaking(postgres_server) as leak:
                assert not await terminate(medic, await describe(medic, leak.get_server_pid()))
                assert await leak.fetchval("SELECT 1") == 1
        finally:
            await administrator.execute(f"ALTER ROLE covetpy NO{right}")


async def test_the_same_role_in_another_database_is_left_alone(
    postgres_server: Postgres, medic: Connection
) -> None:
    elsewhere = postgres_server.dsn("covetpy", "postgres")
    async with leaking(postgres_server, elsewhere) as other:
        assert not await terminate(medic, await describe(medic, other.get_server_pid()))
        assert await other.fetchval("SELECT 1") == 1


async def test_nobody_ends_the_session_that_asks(postgres_server: Postgres) -> None:
    async with connected(postgres_server.superuser_dsn) as administrator:
        await administrator.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA poolmedic TO covetpy")
        await administrator.execute("GRANT USAGE ON SCHEMA poolmedic TO covetpy")
        try:
            async with connected(postgres_server.application_dsn) as asker:
                itself = """
                    SELECT poolmedic.terminate_session(pid, backend_start, state, state_change, xact_start,
                                                       usename, datname, application_name)
                      FROM pg_stat_activity WHERE pid = pg_backend_pid()"""
                assert await asker.fetchval(itself) is False
        finally:
            await administrator.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA poolmedic FROM covetpy")
            await administrator.execute("REVOKE ALL ON SCHEMA poolmedic FROM covetpy")


@pytest.mark.parametrize(
    ("statement", "progress"),
    [
        ("CREATE INDEX ON pg_temp.big (n)", "create_index"),
        ("VACUUM pg_temp.big", "vacuum"),
        ("COPY (SELECT pg_sleep(30)) TO STDOUT", "copy"),
    ],
)
async def test_a_migration_is_left_alone(
    postgres_server: Postgres, medic: Connection, statement: str, progress: str
) -> None:
    async with connected(postgres_server.application_dsn) as worker:
        await worker.execute("CREATE TEMP TABLE big AS SELECT n FROM generate_series(1, 2000000) n")
        await worker.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1")
        await worker.execute("SET maintenance_work_mem = '1MB'; SET max_parallel_maintenance_workers = 0")
        await worker.execute("DELETE FROM big WHERE n % 2 = 0")
        async with running(worker, statement) as task:
            at_work = f"pid IN (SELECT pid FROM pg_stat_progress_{progress})"  # noqa: S608
            seen = await described_as(medic, worker.get_server_pid(), at_work)
            assert seen.state == "active"
            assert not await terminate(medic, seen)
            assert not await cancel(medic, seen)
            assert not task.done()
            assert (await describe(medic, seen.pid)).backend_start == seen.backend_start


async def test_a_commit_that_waits_for_its_standby_is_left_alone(
    postgres_server: Postgres, medic: Connection
) -> None:
    async with connected(postgres_server.superuser_dsn) as administrator:
        await administrator.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await administrator.execute("SELECT pg_reload_conf()")
        try:
            async with (
                connected(postgres_server.application_dsn) as writer,
                running(writer, "CREATE TABLE waits_for_standby ()") as task,
            ):
                seen = await described_as(medic, writer.get_server_pid(), "wait_event = 'SyncRep'")
                assert not await terminate(medic, seen)
                assert not await cancel(medic, seen)
                assert not task.done()
                await administrator.execute("ALTER SYSTEM RESET synchronous_standby_names")
                await administrator.execute("SELECT pg_reload_conf()")
                await task
        finally:
            await administrator.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await administrator.execute("SELECT pg_reload_conf()")


async def test_cancels_exactly_the_statement_described(postgres_server: Postgres, medic: Connection) -> None:
    async with connected(postgres_server.application_dsn) as slow:
        task = asyncio.create_task(slow.fetchval("SELECT 'slow' FROM pg_sleep(30)"))
        seen = await described_as(medic, slow.get_server_pid(), "wait_event = 'PgSleep'")
        assert not await cancel(
            medic, replace(seen, query_start=seen.query_start - timedelta(microseconds=1))
        )
        assert not task.done()
        assert await cancel(medic, seen)
        with pytest.raises(asyncpg.QueryCanceledError):
            await task
        assert await slow.fetchval("SELECT 1") == 1
        assert not await cancel(medic, seen)


async def test_an_idle_session_has_nothing_to_cancel(postgres_server: Postgres, medic: Connection) -> None:
    async with leaking(postgres_server) as leak:
        assert not await cancel(medic, await describe(medic, leak.get_server_pid()))


async def test_nobody_else_was_granted_anything(medic: Connection) -> None:
    functions = """
        SELECT p.oid::regprocedure::text FROM pg_proc p
         WHERE p.pronamespace = 'poolmedic'::regnamespace
           AND has_function_privilege($1, p.oid, 'EXECUTE')"""
    schema = "SELECT has_schema_privilege($1, 'poolmedic', 'USAGE')"
    assert len(await medic.fetch(functions, "poolmedic")) == 2
    for role in ("covetpy", "billing"):
        assert await medic.fetch(functions, role) == []
        assert not await medic.fetchval(schema, role)


@pytest.mark.parametrize("role", ["covetpy", "billing"])
async def test_nobody_else_may_use_the_functions(postgres_server: Postgres, role: str) -> None:
    async with connected(postgres_server.dsn(role)) as stranger:
        for call in ("terminate_session(1, now(), '', now(), now(), '', '', '')", "treatable_session"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await stranger.fetch(f"SELECT * FROM poolmedic.{call}")  # noqa: S608


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'covetpy' LIMIT 1",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'covetpy' LIMIT 1",
        "INSERT INTO poolmedic.application_role VALUES ('billing')",
        "SET default_transaction_read_only = off; INSERT INTO poolmedic.application_role VALUES ('billing')",
        "SELECT * FROM poolmedic.treatable_session",
        "SELECT * FROM orders_of_covetpy",
        "SELECT pg_reload_conf()",
        "ALTER SYSTEM SET max_connections = 200",
        "SET default_transaction_read_only = off; CREATE TABLE poolmedic.mine (n int)",
        "SET ROLE poolmedic_definer",
    ],
)
async def test_our_role_may_do_nothing_by_itself(
    postgres_server: Postgres, medic: Connection, statement: str
) -> None:
    async with leaking(postgres_server) as leak, connected(postgres_server.application_dsn) as owner:
        await owner.execute("CREATE TABLE IF NOT EXISTS orders_of_covetpy (n int)")
        refusals = (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)
        with pytest.raises(refusals):
            await medic.execute(statement)
        await medic.execute("RESET default_transaction_read_only")
        assert await leak.fetchval("SELECT 1") == 1


@pytest.mark.parametrize(
    "question",
    [
        "SELECT query <> '<insufficient privilege>' FROM pg_stat_activity WHERE usename = 'covetpy' LIMIT 1",
        "SELECT system_identifier IS NOT NULL FROM pg_control_system()",
        "SELECT NOT pg_is_in_recovery()",
        "SELECT count(*) >= 0 FROM pg_stat_statements",
        "SELECT count(*) >= 0 FROM pg_locks",
        "SELECT count(*) >= 0 FROM pg_prepared_xacts",
        "SELECT cardinality(pg_blocking_pids(pg_backend_pid())) = 0",
        "SELECT current_setting('max_connections') <> '' AND current_setting('reserved_connections') <> ''",
        "SELECT sum(CASE WHEN backend_xid IS NULL THEN 0 ELSE 1 END) >= 0 FROM pg_stat_activity",
        "SELECT count(*) = 1 FROM poolmedic.application_role WHERE role = 'covetpy'",
        "SELECT count(*) >= 0 FROM pg_stat_database WHERE deadlocks >= 0",
        "SELECT count(*) > 0 FROM pg_roles WHERE rolconnlimit IS NOT NULL",
    ],
)
async def test_our_role_sees_what_the_evidence_needs(
    postgres_server: Postgres, medic: Connection, question: str
) -> None:
    async with leaking(postgres_server):
        assert await medic.fetchval(question) is True


async def fill(crowd: contextlib.AsyncExitStack, server: Postgres) -> None:
    for _ in range(server.settings.max_connections + 1):
        await crowd.enter_async_context(leaking(server))


async def test_works_when_every_ordinary_slot_is_taken(postgres_server: Postgres) -> None:
    async with contextlib.AsyncExitStack() as crowd:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await fill(crowd, postgres_server)
        medic = await crowd.enter_async_context(connected(postgres_server.medic_dsn))
        # Our own login holds a slot too, so two have to go before one application session fits in again.
        for _ in range(2):
            pid = await medic.fetchval("SELECT pid FROM pg_stat_activity WHERE usename = 'covetpy' LIMIT 1")
            seen = await describe(medic, pid)
            assert await terminate(medic, seen)
            assert await gone(medic, seen)
        await crowd.enter_async_context(leaking(postgres_server))


async def test_every_request_is_in_the_servers_log(postgres_server: Postgres, medic: Connection) -> None:
    async with leaking(postgres_server, name="orders\x01 user=postgres") as leak:
        seen = await describe(medic, leak.get_server_pid())
        await terminate(medic, replace(seen, application_name='nobody"\n2026 LOG: forged'))
        await terminate(medic, seen)
    requests = [line for line in postgres_server.log.asked() if f'"pid" : {seen.pid},' in line.message]
    assert [line.user for line in requests] == ["poolmedic", "poolmedic"]
    assert ["true" in line.message.split('"signalled" : ')[1][:5] for line in requests] == [False, True]
    assert all("\n" not in line.message for line in requests)
    assert not any("SELECT 1" in line.message for line in requests)


async def test_an_administrator_applies_it_with_psql(postgres_server: Postgres) -> None:
    """The first two lines of deploy/postgres/README.md, in a database of its own."""
    async with connected(postgres_server.superuser_dsn) as administrator:
        await administrator.execute("CREATE DATABASE shop OWNER covetpy")
    allow = "INSERT INTO poolmedic.application_role (role) VALUES ('covetpy')"
    apply = ["-v", "ON_ERROR_STOP=1", "--single-transaction", "-f", str(SCRIPT)]
    for arguments in (apply, ["-c", allow]):
        psql = await asyncio.create_subprocess_exec(
            programs() / "psql", "-X", "-q", "-d", postgres_server.dsn("postgres", "shop"), *arguments
        )
        assert await psql.wait() == 0
    async with (
        leaking(postgres_server, postgres_server.dsn("covetpy", "shop")) as leak,
        connected(postgres_server.dsn("poolmedic", "shop")) as medic,
    ):
        assert await terminate(medic, await describe(medic, leak.get_server_pid()))


async def test_applying_the_script_again_changes_nothing(
    postgres_server: Postgres, medic: Connection
) -> None:
    async with connected(postgres_server.superuser_dsn) as administrator, leaking(postgres_server) as leak:
        await administrator.execute(SCRIPT.read_text())
        seen = await describe(medic, leak.get_server_pid())
        assert await terminate(medic, seen)
        limits = await administrator.fetchrow("SELECT * FROM pg_roles WHERE rolname = 'poolmedic_definer'")
        assert limits is not None
        assert not limits["rolcanlogin"]
