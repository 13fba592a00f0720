"""The drill's own application, read over HTTP as it really runs on PostgreSQL."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from activities.profiles.library import load_profiles
from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.e2e.target_stand import SCHEMA, run_target
from tests.e2e.target_stand import Target as Drill
from tests.ports.application_stage import LIMIT, read_instance
from workflows.models.evidence import PoolState
from workflows.models.reading import Known, Unavailable


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
async def drill(stack_state: State, postgres_server: Postgres, tmp_path: Path) -> AsyncIterator[Drill]:
    connection = await asyncpg.connect(postgres_server.application_dsn)
    await connection.execute(SCHEMA.read_text())
    await connection.close()
    async with run_target(stack_state, postgres_server, tmp_path) as target:
        yield target


async def test_the_drills_application_is_read_as_it_is(client: httpx.AsyncClient, drill: Drill) -> None:
    found = await read_instance(client, str(drill.client.base_url))
    assert isinstance(found, Known)
    mine = found.value
    assert mine.status in {"healthy", "degraded"}
    assert mine.checks["connection_pool"] == "healthy"
    assert isinstance(mine.pool, Known)
    pool = mine.pool.value
    # The query through the pool may be under way when the pool's page is asked beside it.
    assert pool.in_flight in {0, 1}
    assert pool.model_copy(update={"in_flight": None}) == PoolState(active=0, idle=4, size=4, waiters=0)
    assert isinstance(mine.probe_seconds, Known)
    assert mine.probe_seconds.value < 0.5
    assert mine.generation == 1
    assert isinstance(mine.started_at, Known)
    assert datetime.now(UTC) - mine.started_at.value < timedelta(minutes=1)


async def test_the_drills_leak_is_seen_as_it_is(client: httpx.AsyncClient, drill: Drill) -> None:
    await drill.leak(sessions=4)
    began = time.monotonic()
    found = await read_instance(client, str(drill.client.base_url))
    assert time.monotonic() - began < LIMIT.total_seconds() + 0.5
    assert isinstance(found, Known)
    assert isinstance(found.value.pool, Known)
    assert found.value.pool.value.utilization == 1
    assert isinstance(found.value.probe_seconds, Unavailable)
    assert "did not answer within" in found.value.probe_seconds.reason


async def test_who_forgot_the_drills_connections_and_its_queries_are_told(
    client: httpx.AsyncClient, drill: Drill
) -> None:
    await drill.status("/orders/7")
    await drill.leak(sessions=4)
    found = await read_instance(client, str(drill.client.base_url), hints=True)
    assert isinstance(found, Known)
    assert isinstance(found.value.checkouts, Known)
    told = found.value.checkouts.value
    assert [one.borrower for one in told] == ["/report"] * 4
    assert told[0].held_seconds >= told[-1].held_seconds > 0
    assert isinstance(found.value.queries, Known)
    slowest = found.value.queries.value
    assert 1 <= len(slowest) <= 5
    assert any("FROM" in one.text and one.calls and one.mean_seconds < 60 for one in slowest)


async def test_the_drills_metrics_stand_in_for_its_pool_page(client: httpx.AsyncClient, drill: Drill) -> None:
    url = str(drill.client.base_url)
    profile = load_profiles()["covetpy"]
    pages = profile.pages.model_copy(update={"pool": None})
    whole, stand_in = (
        await read_instance(client, url),
        await read_instance(client, url, {"covetpy": profile.model_copy(update={"pages": pages})}),
    )
    assert isinstance(whole, Known)
    assert isinstance(stand_in, Known)
    assert isinstance(whole.value.pool, Known)
    assert isinstance(stand_in.value.pool, Known)
    assert stand_in.value.pool.value == whole.value.pool.value
    assert stand_in.value.generation == whole.value.generation
