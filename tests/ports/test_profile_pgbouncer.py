"""The profile pgbouncer: a real PgBouncer before the real PostgreSQL, read by way of a real Prometheus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import pytest

from deploy.local import pgbouncer
from deploy.local.pgbouncer import PgBouncer
from deploy.local.postgres import Postgres
from deploy.local.prometheus import Prometheus
from deploy.local.state import State
from tests.ports.application_stage import serve
from tests.ports.database_stage import Connection
from tests.ports.pgbouncer_page import BouncerPages
from tests.ports.profile_stage import Watched, known, reason, scrapes, watched
from workflows.models.evidence import PoolState
from workflows.models.reading import Unavailable
from workflows.models.verdict import State as Judged

SIZE, WAITERS = 3, 2
NAME = "gate-client"


@pytest.fixture
async def bouncer(stack_state: State, postgres_server: Postgres) -> AsyncIterator[PgBouncer]:
    async with pgbouncer.serve(stack_state, postgres_server, pgbouncer.Settings(pool_size=SIZE)) as running:
        yield running


@asynccontextmanager
async def clients(bouncer: PgBouncer, number: int) -> AsyncIterator[list[Connection]]:
    """Logged in to PgBouncer, in no transaction yet."""
    named = {"application_name": NAME}
    dsn = bouncer.application_dsn
    opened = [
        await asyncpg.connect(dsn, statement_cache_size=0, server_settings=named) for _ in range(number)
    ]
    try:
        yield opened
    finally:
        for each in opened:
            each.terminate()


async def sessions(admin: Connection) -> int:
    """What PostgreSQL itself says."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'"
    return int(await admin.fetchval(counted, NAME))


async def work(client: Connection) -> None:
    """Short transactions, twenty a second."""
    while True:
        await client.execute("SELECT pg_sleep(0.01)")
        await asyncio.sleep(0.05)


async def look_when_calm(seen: Watched) -> None:
    reading = await seen.until(lambda metrics: True)
    calm = known(reading.instances[seen.first])
    assert calm.pool.size == SIZE
    assert calm.pool.waiters == 0
    assert 1 <= calm.pool.active + calm.pool.idle <= SIZE
    assert known(calm.full_seconds) == 0
    assert "pgbouncer has no `series.timeouts`" in reason(calm.timeouts)
    assert "pgbouncer has no `series.errors_503`" in reason(calm.errors_503)
    assert "pgbouncer has no `queries.wait_p95`" in reason(calm.wait_p95)
    assert "pgbouncer has no `series.started_at`" in reason(calm.started_at)
    assert known(reading.request_rate) > 2
    assert 0.005 < known(reading.hold_seconds) < 0.5
    assert isinstance(reading.instances[seen.second], Unavailable)
    assert reading.unexpected == ("gate-9",)


async def judge_when_calm(seen: Watched, since: datetime) -> None:
    verdict = await seen.verdict(since)
    unsure = {each.name: each for each in verdict.criteria if each.state is not Judged.RECOVERED}
    assert verdict.state is Judged.INCONCLUSIVE
    assert set(unsure) == {
        "pool utilization",
        "wait for a connection (p95)",
        "acquire timeouts",
        "503 answers",
    }
    assert "pgbouncer has no `series.wait_bucket`" in unsure["wait for a connection (p95)"].measured
    assert "pgbouncer has no `pages.pool`" in unsure["pool utilization"].measured


async def look_when_full(seen: Watched, admin: Connection) -> None:
    since = datetime.now(UTC)
    await seen.until(lambda metrics: metrics.pool.waiters == WAITERS)
    await scrapes(2)
    full = known((await seen.until(lambda metrics: True)).instances[seen.first])
    assert await sessions(admin) == SIZE
    assert full.pool == PoolState(active=SIZE, idle=0, size=SIZE, waiters=WAITERS)
    assert known(full.full_seconds) >= 1
    assert isinstance(known((await seen.pages()).instances[seen.first]).probe_seconds, Unavailable)
    assert known((await seen.window(since)).instances[seen.first]).utilization_max == 1
    assert (await seen.verdict(since)).state is Judged.NOT_RECOVERED


async def test_a_pool_that_fills_shows_what_pgbouncer_knows(
    bouncer: PgBouncer, prometheus_server: Prometheus, admin: Connection
) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(BouncerPages(bouncer).answer))
        opened = await stack.enter_async_context(clients(bouncer, SIZE + WAITERS))
        labels = {"database": "covetpy", "user": "covetpy"}
        seen = await stack.enter_async_context(
            watched("pgbouncer", "gate", url, url, prometheus_server, **labels)
        )
        working = asyncio.create_task(work(opened[0]))
        await seen.until(lambda metrics: metrics.pool.idle + metrics.pool.active > 0)
        since = datetime.now(UTC)
        await scrapes(3)
        await look_when_calm(seen)
        await judge_when_calm(seen, since)
        working.cancel()
        await asyncio.wait({working})
        held = [asyncio.create_task(each.execute("SELECT pg_sleep(15)")) for each in opened]
        await look_when_full(seen, admin)
        for task in held:
            task.cancel()
        await asyncio.wait(held)
