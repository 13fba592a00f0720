"""The functions of deploy/postgres signal exactly the session described, tried on the real server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from tests.ports.sessions import (
    APPLICATION,
    OTHERS,
    Connection,
    cancel,
    connected,
    describe,
    described_as,
    gone,
    leaking,
    mistaken,
    running,
    terminate,
)


@pytest.fixture(scope="module")
async def medic(postgres_server: Postgres) -> AsyncIterator[Connection]:
    async with connected(postgres_server.medic_dsn) as connection:
        yield connection


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
        seen = await described_as(medic, slow.get_server_pid(), "state = 'active' AND wait_event = 'PgSleep'")
        assert not await cancel(medic, mistaken(seen, other))
        assert not task.done()


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
                seen = await described_as(
                    medic, writer.get_server_pid(), "state = 'active' AND wait_event = 'SyncRep'"
                )
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
        seen = await described_as(medic, slow.get_server_pid(), "state = 'active' AND wait_event = 'PgSleep'")
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
