"""The profile sqlalchemy: a real QueuePool on the real PostgreSQL, scraped by a real Prometheus."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deploy.local import probes
from deploy.local.postgres import Postgres
from deploy.local.process import Command, Process
from deploy.local.prometheus import Prometheus
from deploy.local.state import State
from tests.ports.database_stage import Connection
from tests.ports.profile_stage import Watched, known, reason, scrapes, watched
from workflows.models.evidence import PoolState
from workflows.models.reading import Unavailable
from workflows.models.verdict import State as Judged

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 4
NAME = "snakes-api"
MANY = httpx.Limits()
SECONDS_TO_START = 30.0


@pytest.fixture
async def application(stack_state: State, postgres_server: Postgres) -> AsyncIterator[str]:
    """The address of a running one."""
    port = stack_state.port(NAME)
    line = [sys.executable, "-m", "tests.ports.sqlalchemy_app", str(port)]
    dsn = {"APP_DSN": f"{postgres_server.application_dsn}?application_name={NAME}"}
    process = Process(stack_state, Command(name=NAME, arguments=line, environment=dsn, directory=ROOT))
    url = f"http://127.0.0.1:{port}"
    try:
        process.start()
        await process.wait_ready(probes.http(f"{url}/health"), SECONDS_TO_START)
        yield url
    finally:
        await process.stop()


@asynccontextmanager
async def traffic(url: str, client: httpx.AsyncClient) -> AsyncIterator[None]:
    """Twenty short requests a second, whatever becomes of them."""

    async def go_on() -> None:
        async with asyncio.TaskGroup() as requests:
            while True:
                requests.create_task(client.get(f"{url}/work?seconds=0.01"))
                await asyncio.sleep(0.05)

    going = asyncio.create_task(go_on())
    try:
        yield
    finally:
        going.cancel()
        await asyncio.wait({going})


async def sessions(admin: Connection) -> int:
    """What PostgreSQL itself says."""
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'"
    return int(await admin.fetchval(counted, NAME))


async def look_when_calm(seen: Watched) -> None:
    since = datetime.now(UTC)
    await scrapes(3)
    reading = await seen.until(lambda metrics: metrics.pool.idle > 0)
    calm = known(reading.instances[seen.first])
    assert calm.pool.size == LIMIT
    assert calm.pool.active + calm.pool.idle <= LIMIT
    assert calm.pool.waiters == 0
    assert known(calm.timeouts) == known(calm.errors_503) == known(calm.full_seconds) == 0
    assert known(calm.wait_p95) < 0.5
    assert "sqlalchemy has no `series.leaked`" in reason(calm.leaked)
    assert 0.01 < known(reading.hold_seconds) < 0.5
    assert isinstance(reading.instances[seen.second], Unavailable)
    assert reading.unexpected == ("snakes-9",)
    own = known((await seen.pages()).instances[seen.first])
    assert known(own.pool).size == LIMIT
    assert known(own.started_at) == known(calm.started_at)
    assert known(own.probe_seconds) < 1
    assert (await seen.verdict(since)).state is Judged.RECOVERED


async def look_when_full(seen: Watched, admin: Connection) -> None:
    since = datetime.now(UTC)
    await seen.until(lambda metrics: metrics.pool.active == LIMIT)
    await scrapes(3)
    full = known((await seen.until(lambda metrics: True)).instances[seen.first])
    assert await sessions(admin) == LIMIT
    assert full.pool == PoolState(active=LIMIT, idle=0, size=LIMIT, waiters=full.pool.waiters)
    assert full.pool.waiters
    assert known(full.timeouts) > 0
    assert known(full.errors_503) > 0
    assert known(full.full_seconds) >= 1
    assert isinstance(known((await seen.pages()).instances[seen.first]).probe_seconds, Unavailable)
    window = known((await seen.window(since)).instances[seen.first])
    assert window.utilization_max == 1
    assert known(window.timeouts) > 0
    assert known(window.errors_503) > 0
    assert known(window.wait_p95_max) > 0.5
    assert (await seen.verdict(since)).state is Judged.NOT_RECOVERED


async def test_a_pool_that_fills_shows_every_symptom(
    application: str, prometheus_server: Prometheus, admin: Connection
) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=30, limits=MANY))
        seen = await stack.enter_async_context(
            watched("sqlalchemy", "snakes", application, application, prometheus_server)
        )
        await stack.enter_async_context(traffic(application, client))
        await seen.until(lambda metrics: metrics.pool.idle > 0)
        await look_when_calm(seen)
        held = [asyncio.create_task(client.get(f"{application}/work?seconds=8")) for _ in range(LIMIT)]
        await look_when_full(seen, admin)
        await asyncio.gather(*held)
