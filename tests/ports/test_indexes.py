"""The contract of indexes, on the fake and the real server: found, created, measured, not left half-made."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from activities import indexes
from deploy.local.postgres import Postgres
from tests.fakes.indexes import TABLE
from tests.ports import examples
from tests.ports.index_stage import FakeIndexStage, IndexStage, RealIndexes
from workflows.errors import NotConfigured, PreconditionGone
from workflows.models.index import IndexAdvice, QueryTally
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.plan import IndexCreation
from workflows.ports.requests import CreateIndexRequest, QueryLook

NAME = f"poolmedic_{TABLE}_receiver"


@pytest.fixture(params=["fake", "real"])
async def stage(
    request: pytest.FixtureRequest, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[IndexStage]:
    monkeypatch.setattr(indexes, "SECONDS_TO_BE_IN_THE_WAY", 0.0)
    async with AsyncExitStack() as stack:
        found = FakeIndexStage() if request.param == "fake" else RealIndexes(postgres_server, stack)
        await found.open()
        yield found


async def advise(stage: IndexStage) -> IndexAdvice:
    """While the query runs."""
    with stage.running():
        return await advise_without(stage)


async def advise_without(stage: IndexStage) -> IndexAdvice:
    """Whoever runs it or not."""
    look = QueryLook(target=stage.target, query_id=stage.query_id)
    return await examples.environment().run(stage.port.advise_index, look)


async def measure(stage: IndexStage) -> QueryTally:
    look = QueryLook(target=stage.target, query_id=stage.query_id)
    return await examples.environment().run(stage.port.measure_query, look)


def creation(stage: IndexStage, seconds: float = 60.0) -> IndexCreation:
    return IndexCreation(
        query_id=stage.query_id,
        namespace="public",
        table=TABLE,
        columns=("receiver",),
        name=NAME,
        limit=timedelta(seconds=seconds),
    )


async def create(stage: IndexStage, act: IndexCreation | None = None) -> Outcome:
    request = CreateIndexRequest(target=stage.target, act=act or creation(stage))
    return await examples.environment().run(stage.port.create_index, request)


async def test_the_plan_says_which_index_is_missing(stage: IndexStage) -> None:
    found = await advise(stage)

    assert (found.namespace, found.table, found.columns, found.name) == (
        "public",
        TABLE,
        ("receiver",),
        NAME,
    )
    assert found.query_id == stage.query_id
    assert found.rows == pytest.approx(300_000, rel=0.1)
    assert found.rows_per_lookup == pytest.approx(60, rel=0.5)
    assert found.table_bytes > 8_000_000
    assert found.in_the_way == ()
    assert await stage.names() == {}


async def test_without_anybody_who_runs_it_no_index_is_known(stage: IndexStage) -> None:
    with pytest.raises(PreconditionGone, match="nobody runs it now"):
        await advise_without(stage)


async def test_it_is_created_once_and_its_gain_measured(stage: IndexStage) -> None:
    before = await measure(stage)

    outcome = await create(stage)

    assert outcome.status is OutcomeStatus.DONE
    assert [(each.changed, each.result) for each in outcome.touched] == [(True, "created, valid")]
    assert outcome.detail == f"to take it back: DROP INDEX CONCURRENTLY public.{NAME}"
    assert await stage.names() == {NAME: True}
    after = await measure(stage)
    assert after.cost * 10 < before.cost
    again = await create(stage)
    assert again.status is OutcomeStatus.NOTHING
    assert not again.touched[0].changed
    with pytest.raises(PreconditionGone, match="no index is known"):
        await advise(stage)


async def test_who_would_be_waited_for_is_named_and_nothing_is_created(stage: IndexStage) -> None:
    await stage.hinder()

    (waits,) = (await advise(stage)).in_the_way
    assert "has a lock on the table" in waits
    with pytest.raises(PreconditionGone, match="would wait for others"):
        await create(stage)
    assert await stage.names() == {}


async def test_without_a_login_nothing_is_asked(stage: IndexStage) -> None:
    stage.target = examples.target(index_dsn=None)

    with pytest.raises(NotConfigured, match="index_dsn"):
        await advise(stage)
    with pytest.raises(NotConfigured, match="index_dsn"):
        await create(stage)


async def test_heartbeats_say_that_it_is_being_created(stage: IndexStage) -> None:
    heard: list[tuple[Touched, ...]] = []
    environment = examples.environment()
    environment.on_heartbeat = lambda *details: heard.append(*details)

    outcome = await environment.run(
        stage.port.create_index, CreateIndexRequest(target=stage.target, act=creation(stage))
    )

    assert heard[0][0].what == outcome.touched[0].what
