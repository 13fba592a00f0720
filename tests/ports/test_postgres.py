"""Who is let in to which server: its facts, its slots, the wrong one, and what a refusal gives away."""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import asyncpg
import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter

from activities.postgres import PostgresDatabase
from activities.warm_connection import WarmConnection
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import Connection
from tests.ports.medic import opened, read
from workflows.errors import NotConfigured, SourceNonsense, SourceRefused, SourceUnavailable, WrongServer


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


async def test_a_server_that_is_not_there_is_told_with_the_field_and_the_remedy() -> None:
    with pytest.raises(SourceUnavailable) as failure:
        await read("postgresql://poolmedic:marked-password@127.0.0.1:9/shop")
    assert failure.value.message.startswith(f"{examples.DSN}: ")
    assert f"correct host and port in {examples.DSN} (`database` of the target)" in failure.value.message
    assert "marked-password" not in failure.value.message


async def take_every_slot(server: Postgres, stack: AsyncExitStack) -> None:
    for _ in range(server.settings.max_connections + 1):
        connection = await asyncpg.connect(server.application_dsn)
        stack.callback(connection.terminate)


async def test_gets_in_when_every_ordinary_slot_is_taken(postgres_server: Postgres) -> None:
    async with AsyncExitStack() as stack, opened(postgres_server.medic_dsn) as database:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await take_every_slot(postgres_server, stack)
        reading = await database.read_database(examples.look(examples.target()))
        assert reading.server.connections >= 54
        with pytest.raises(SourceUnavailable, match="pg_use_reserved_connections"):
            await read(postgres_server.application_dsn)


@pytest.mark.parametrize(
    ("limit", "nolimit", "remedy"),
    [
        ("ALTER ROLE poolmedic CONNECTION LIMIT 1", 8, r"ALTER ROLE … CONNECTION LIMIT"),
        ("ALTER DATABASE covetpy CONNECTION LIMIT 0", -1, r"ALTER DATABASE … CONNECTION LIMIT"),
    ],
)
async def test_a_limit_of_the_role_or_the_database_is_told_apart_from_a_full_server(
    postgres_server: Postgres, admin: Connection, limit: str, nolimit: int, remedy: str
) -> None:
    elsewhere = await asyncpg.connect(postgres_server.dsn("poolmedic", "postgres"))
    await admin.execute(limit)
    try:
        with pytest.raises(SourceUnavailable, match=remedy) as refused:
            await read(postgres_server.medic_dsn)
        assert "pg_use_reserved_connections" not in refused.value.message
    finally:
        await admin.execute(f"{limit.rpartition(' ')[0]} {nolimit}")
        elsewhere.terminate()


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
