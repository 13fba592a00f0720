"""What a query took, on a real PostgreSQL: which calls are counted, and since when."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import Connection
from tests.ports.index_stage import QUERY, RealIndexes, open_indexes
from workflows.models.index import QueryTally
from workflows.ports.requests import QueryLook

SLEEP = "SELECT pg_sleep($1)"


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealIndexes]:
    async with open_indexes(postgres_server) as found:
        yield found


async def measure(stage: RealIndexes, seconds: float = 0.0) -> QueryTally:
    look = QueryLook(target=stage.target, query_id=stage.query_id, age=timedelta(seconds=seconds))
    return await examples.environment().run(stage.port.measure_query, look)


async def test_calls_under_way_are_told_by_their_age(stage: RealIndexes) -> None:
    stage.query_id = await stage.query(SLEEP, 0.0)
    sleeping = asyncio.create_task((await stage.connect()).fetch(SLEEP, 4.0))
    await asyncio.sleep(0.5)

    assert (await measure(stage)).running == 1
    assert (await measure(stage, seconds=0.3)).running == 1
    assert (await measure(stage, seconds=60.0)).running == 0
    await sleeping
    assert (await measure(stage)).running == 0


async def test_statistics_that_were_reset_are_told_by_when_they_began(
    stage: RealIndexes, admin: Connection
) -> None:
    first, again = await measure(stage), await measure(stage)
    assert first.began is not None
    assert first.began == again.began

    await admin.execute(f"SELECT pg_stat_statements_reset(queryid => {stage.query_id})")
    await stage.query(QUERY, 7)

    assert (await measure(stage)).began not in (None, first.began)


async def test_an_older_server_tells_when_all_of_its_statistics_began(stage: RealIndexes) -> None:
    assert await stage.indexes._reset_at(stage.target.database) is not None
