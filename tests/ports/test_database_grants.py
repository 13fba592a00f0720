"""Each right that deploy/postgres gives is needed: without it something named fails, and is told.

That they are enough is tried by every other test here: poolmedic's ports use these logins and no other.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from deploy.local import probes
from deploy.local.postgres import Postgres
from deploy.local.postgres_roles import SCRIPT
from tests.fakes import ports
from tests.fakes.world import World
from tests.ports.database_stage import Connection
from tests.ports.index_stage import RealIndexes
from tests.ports.rights import ELSEWHERE, HELD, ROLES, SCRIPTS, Right, given
from tests.ports.sessions import cancel, connected, describe, described_as, leaking, running, terminate
from tests.ports.test_database_rights import fill
from tests.unit.configurations import raw, read
from worker.check import check_targets
from worker.wiring import Sources
from workflows.errors import SourceRefused
from workflows.ports.requests import QueryLook

RIGHTS = given("covetpy")
TABLE = "needs_an_index"
DATABASE, INDEX, TIMEOUT = "orders database", "orders index login", "orders database timeout"


@dataclass(frozen=True)
class Bench:
    """The real server, its superuser, and poolmedic's own ports on it."""

    server: Postgres
    admin: Connection
    stage: RealIndexes


async def log_in(bench: Bench) -> bool:
    async with connected(bench.server.medic_dsn) as medic:
        return bool(await medic.fetchval("SELECT true"))


async def log_in_to_create(bench: Bench) -> bool:
    async with connected(bench.server.index_dsn) as login:
        return bool(await login.fetchval("SELECT true"))


async def see_what_sessions_do(bench: Bench) -> bool:
    async with leaking(bench.server) as leak, connected(bench.server.medic_dsn) as medic:
        state = "SELECT state FROM pg_stat_activity WHERE pid = $1"
        return bool(await medic.fetchval(state, leak.get_server_pid()) == "idle in transaction")


async def see_whose_sessions_may_be_ended(bench: Bench) -> bool:
    async with connected(bench.server.medic_dsn) as medic:
        return bool(await medic.fetchval("SELECT role = 'covetpy' FROM poolmedic.application_role"))


async def end_a_session(bench: Bench) -> bool:
    async with leaking(bench.server) as leak, connected(bench.server.medic_dsn) as medic:
        return await terminate(medic, await describe(bench.admin, leak.get_server_pid()))


async def cancel_a_statement(bench: Bench) -> bool:
    async with (
        connected(bench.server.application_dsn) as slow,
        running(slow, "SELECT pg_sleep(30)"),
        connected(bench.server.medic_dsn) as medic,
    ):
        seen = await described_as(bench.admin, slow.get_server_pid(), "wait_event = 'PgSleep'")
        return await cancel(medic, seen)


async def set_a_timeout(bench: Bench) -> bool:
    async with connected(bench.server.medic_dsn) as medic, medic.transaction():
        await medic.execute("SET TRANSACTION READ WRITE")
        is_done = await medic.fetchval("SELECT poolmedic.set_session_timeout('covetpy', 60000, NULL)")
    await bench.admin.execute(
        "ALTER ROLE covetpy IN DATABASE covetpy RESET idle_in_transaction_session_timeout"
    )
    return bool(is_done)


async def create_an_index(bench: Bench) -> bool:
    async with connected(bench.server.index_dsn) as login:
        await login.execute(f"CREATE INDEX CONCURRENTLY of_ours ON public.{TABLE} (n)")
        await login.execute("DROP INDEX CONCURRENTLY public.of_ours")
    return True


@dataclass(frozen=True)
class Need:
    """What cannot be done without a right, and where and how that is told."""

    act: Callable[[Bench], Awaitable[bool]]
    told: str
    where: str = DATABASE
    """The line of `poolmedic check`; empty where only the reading itself can tell."""
    in_a_crowd: bool = False
    """Needed only while the application has taken every ordinary slot."""


NEEDS = {
    "poolmedic: LOGIN": Need(log_in, "not permitted to log in"),
    "poolmedic: pg_use_reserved_connections": Need(
        log_in, "its role needs pg_use_reserved_connections", in_a_crowd=True
    ),
    "poolmedic: pg_read_all_stats": Need(see_what_sessions_do, "lacks pg_read_all_stats and cannot see"),
    "poolmedic: USAGE ON SCHEMA poolmedic": Need(
        see_whose_sessions_may_be_ended, "poolmedic lacks USAGE on the schema poolmedic"
    ),
    "poolmedic: SELECT ON poolmedic.application_role": Need(
        see_whose_sessions_may_be_ended, "poolmedic lacks SELECT on poolmedic.application_role"
    ),
    "poolmedic: EXECUTE ON poolmedic.terminate_session": Need(
        end_a_session, "poolmedic lacks EXECUTE on poolmedic.terminate_session"
    ),
    "poolmedic: EXECUTE ON poolmedic.cancel_query": Need(
        cancel_a_statement, "poolmedic lacks EXECUTE on poolmedic.cancel_query"
    ),
    "poolmedic: EXECUTE ON poolmedic.set_session_timeout": Need(
        set_a_timeout, "poolmedic lacks EXECUTE on poolmedic.set_session_timeout", TIMEOUT
    ),
    "poolmedic_definer: pg_read_all_stats": Need(end_a_session, "poolmedic_definer lacks pg_read_all_stats"),
    "poolmedic_definer: pg_signal_backend": Need(
        cancel_a_statement, "poolmedic_definer lacks pg_signal_backend"
    ),
    "poolmedic_definer: SELECT ON poolmedic.application_role": Need(
        end_a_session, "poolmedic_definer lacks SELECT on poolmedic.application_role"
    ),
    "poolmedic_configurer: CREATEROLE": Need(set_a_timeout, "poolmedic_configurer lacks CREATEROLE", TIMEOUT),
    "poolmedic_configurer: USAGE ON SCHEMA poolmedic": Need(
        set_a_timeout, "poolmedic_configurer lacks USAGE on the schema poolmedic", TIMEOUT
    ),
    "poolmedic_configurer: SELECT ON poolmedic.application_role": Need(
        set_a_timeout, "poolmedic_configurer lacks SELECT on poolmedic.application_role", TIMEOUT
    ),
    "poolmedic_configurer: covetpy": Need(
        set_a_timeout, "session_timeout.sql and grant it the role", TIMEOUT
    ),
    "poolmedic_index: LOGIN": Need(log_in_to_create, "not permitted to log in", INDEX),
    "poolmedic_index: pg_use_reserved_connections": Need(
        log_in_to_create, "its role needs pg_use_reserved_connections", INDEX, in_a_crowd=True
    ),
    "poolmedic_index: covetpy": Need(
        create_an_index, "make its role a member of the role that owns the table", ""
    ),
}
"""By the right, as the files and `rights.Right` name it."""


@pytest.fixture
async def bench(postgres_server: Postgres, admin: Connection) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack, connected(postgres_server.application_dsn) as owner:
        await owner.execute(f"DROP TABLE IF EXISTS {TABLE}; CREATE TABLE {TABLE} (n int)")
        yield Bench(postgres_server, admin, RealIndexes(postgres_server, stack))
        await owner.execute(f"DROP TABLE {TABLE}")


def test_no_file_is_left_out() -> None:
    assert set(SCRIPTS) == set(SCRIPT.parent.glob("*.sql"))


def test_every_right_of_the_files_has_its_need_and_no_other() -> None:
    assert [str(right) for right in RIGHTS] == sorted(NEEDS)


async def test_the_server_gives_them_no_other(admin: Connection) -> None:
    held = {str(Right(role, what)) for role, what in await admin.fetch(HELD, ROLES)}
    assert held == {str(right) for right in RIGHTS}
    assert await admin.fetch(ELSEWHERE, ROLES) == []


@pytest.mark.parametrize("right", RIGHTS, ids=str)
async def test_without_it_something_named_fails_and_is_told(bench: Bench, right: Right) -> None:
    need = NEEDS[str(right)]
    async with AsyncExitStack() as stack:
        if need.in_a_crowd:
            await stack.enter_async_context(crowded(bench.server))
        assert await is_done(need, bench)
        assert need.told not in await told(bench, need)
        await bench.admin.execute(right.revocation)
        try:
            with suppress(asyncpg.PostgresError):
                assert not await is_done(need, bench)
            assert need.told in await told(bench, need)
        finally:
            await bench.admin.execute(right.grant)
        assert await is_done(need, bench)


async def is_done(need: Need, bench: Bench) -> bool:
    await left_alone(bench)
    return await need.act(bench)


async def left_alone(bench: Bench) -> None:
    """Once none of our sessions is left: in a crowd each keeps one of the three slots that are reserved."""
    ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = ANY ($1)"

    async def ask() -> str | None:
        return None if await bench.admin.fetchval(ours, ROLES) == 0 else "still there"

    await bench.stage.database.close()
    assert await probes.until(ask, 10) is None


async def told(bench: Bench, need: Need) -> str:
    """What `poolmedic check` says there; else what the reading does."""
    if not need.where:
        return await refusal_to_measure(bench)
    world = World(bench.stage.target)
    fakes: dict[str, Any] = {
        "metrics": ports.FakeMetrics(world),
        "application": ports.FakeApplication(world),
        "containers": ports.FakeContainers(world),
        "alerts": ports.FakeAlerts(world),
    }
    target = bench.stage.target.model_dump(mode="json") | {"profile": "covetpy"}
    target["routes"] = {level: ["oncall"] for level in target["routes"]}
    rules = {"mode": "auto", "approval": {"approvers": ["ada"]}}
    configuration = read(raw() | {"targets": [target], "policies": {"default": rules}})
    sources = Sources(database=bench.stage.database, indexes=bench.stage.indexes, **fakes)
    # Connections of its own, as the command has.
    await left_alone(bench)
    findings = await check_targets(configuration, sources)
    return "\n".join(finding.told for finding in findings if finding.where == need.where)


async def refusal_to_measure(bench: Bench) -> str:
    stage = bench.stage
    await stage.query(f"SELECT count(*) FROM {TABLE} WHERE n = $1", 7)  # noqa: S608
    try:
        await stage.port.measure_query(QueryLook(target=stage.target, query_id=stage.query_id))
    except SourceRefused as refused:
        return refused.message
    return ""


@asynccontextmanager
async def crowded(server: Postgres) -> AsyncIterator[None]:
    """While the application holds every slot that it can get."""
    async with AsyncExitStack() as crowd:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            await fill(crowd, server)
        yield
