"""What the role of deploy/postgres may do and may not, tried on the real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from deploy.local.postgres_home import programs
from deploy.local.postgres_roles import SCRIPT
from tests.ports.medic import read
from tests.ports.sessions import Connection, connected, describe, gone, leaking, terminate


@pytest.fixture(scope="module")
async def medic(postgres_server: Postgres) -> AsyncIterator[Connection]:
    async with connected(postgres_server.medic_dsn) as connection:
        yield connection


async def test_nobody_else_was_granted_anything(medic: Connection) -> None:
    functions = """
        SELECT p.oid::regprocedure::text FROM pg_proc p
         WHERE p.pronamespace = 'poolmedic'::regnamespace
           AND has_function_privilege($1, p.oid, 'EXECUTE')"""
    schema = "SELECT has_schema_privilege($1, 'poolmedic', 'USAGE')"
    assert len(await medic.fetch(functions, "poolmedic")) == 3
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
        "SELECT * FROM public.orders_of_covetpy",
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


async def test_our_login_only_reads_from_the_start(medic: Connection) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await medic.execute("CREATE TEMP TABLE mine (n int)")


@pytest.mark.parametrize(
    "question",
    [
        "SELECT query <> '<insufficient privilege>' FROM pg_stat_activity WHERE usename = 'covetpy' LIMIT 1",
        "SELECT system_identifier IS NOT NULL FROM pg_control_system()",
        "SELECT NOT pg_is_in_recovery()",
        "SELECT count(*) >= 0 FROM public.pg_stat_statements",
        "SELECT count(*) >= 0 FROM pg_locks",
        "SELECT count(*) >= 0 FROM pg_prepared_xacts",
        "SELECT cardinality(pg_blocking_pids(pg_backend_pid())) = 0",
        "SELECT current_setting('max_connections') <> '' AND current_setting('reserved_connections') <> ''",
        "SELECT sum(CASE WHEN backend_xid IS NULL THEN 0 ELSE 1 END) >= 0 FROM pg_stat_activity",
        "SELECT count(*) = 1 FROM poolmedic.application_role WHERE role = 'covetpy'",
        "SELECT count(*) >= 0 FROM pg_stat_database WHERE deadlocks >= 0",
        "SELECT count(*) > 0 FROM pg_roles WHERE rolconnlimit IS NOT NULL",
        "SELECT count(*) > 0 FROM pg_database WHERE datconnlimit IS NOT NULL",
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
    apply = ["-v", "ON_ERROR_STOP=1", "-f", str(SCRIPT)]
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


async def test_whether_our_own_login_is_a_superuser_is_told(postgres_server: Postgres) -> None:
    assert not (await read(postgres_server.medic_dsn)).server.is_superuser
    assert (await read(postgres_server.superuser_dsn)).server.is_superuser
