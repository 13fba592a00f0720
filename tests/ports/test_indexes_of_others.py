"""Indexes on a real PostgreSQL that somebody else makes at the same moment: they are left alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from activities.creating import Creation
from deploy.local.postgres import Postgres
from tests.fakes.indexes import TABLE
from tests.ports.database_stage import Connection
from tests.ports.index_stage import RealIndexes, open_indexes
from tests.ports.test_indexes import NAME, create, creation
from workflows.errors import PreconditionGone, SourceUnavailable
from workflows.models.outcome import OutcomeStatus

WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealIndexes]:
    async with open_indexes(postgres_server) as found:
        yield found


async def test_another_one_that_took_its_name_is_not_dropped_for_its_rest(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = await stage.connect()
    await holder.execute("BEGIN")
    await holder.execute(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")

    async def take_its_name(_creation: Creation, _backend: int) -> None:
        await holder.execute("ROLLBACK")
        with suppress(asyncpg.UniqueViolationError):
            await stage.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON {TABLE} (receiver)")

    monkeypatch.setattr(Creation, "_stop", take_its_name)

    outcome = await create(stage, creation(stage, seconds=1.0))

    assert outcome.status is OutcomeStatus.UNKNOWN
    assert "an index of that name is there, and is another one: it was left alone" in outcome.detail
    assert await stage.names() == {NAME: False}


async def test_where_nothing_was_sent_nothing_that_is_there_is_its_own(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_creation: Creation, _connection: Connection) -> None:
        await stage.execute(f"CREATE INDEX {NAME} ON {TABLE} (receiver)")
        raise SourceUnavailable("the connection broke")

    monkeypatch.setattr(Creation, "_statements", fail)

    outcome = await create(stage)

    assert (outcome.status, outcome.touched[0].changed) == (OutcomeStatus.FAILED, False)
    assert (outcome.touched[0].result, outcome.detail) == ("not created", "the connection broke")
    assert await stage.names() == {NAME: True}


async def test_a_name_that_is_taken_at_the_same_moment_is_left_alone(
    stage: RealIndexes, admin: Connection
) -> None:
    other = await stage.connect()
    await other.execute("BEGIN")
    await other.execute(f"CREATE TABLE {NAME} ()")
    creating = asyncio.create_task(create(stage))
    while not await admin.fetchval(WAITS):
        assert not creating.done()
        await asyncio.sleep(0.01)
    await other.execute("COMMIT")

    try:
        with pytest.raises(PreconditionGone, match="was taken meanwhile"):
            await creating
    finally:
        await stage.execute(f"DROP TABLE {NAME}")


async def test_a_column_that_is_only_included_is_not_taken_for_one_of_its_own(stage: RealIndexes) -> None:
    await stage.execute(f"CREATE INDEX {NAME} ON {TABLE} (receiver) INCLUDE (kind)")
    both = creation(stage).model_copy(update={"columns": ("receiver", "kind")})

    with pytest.raises(PreconditionGone, match="is another one"):
        await create(stage, both)
