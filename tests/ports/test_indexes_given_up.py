"""Creations on a real PostgreSQL that are given up, or whose worker is told to end: what is left is told."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from temporalio import activity
from temporalio.activity import ActivityCancellationDetails

from deploy.local.postgres import Postgres
from tests.fakes.indexes import TABLE
from tests.ports import examples
from tests.ports.database_stage import Connection
from tests.ports.index_stage import RealIndexes, open_indexes
from tests.ports.test_indexes import NAME, creation
from tests.ports.test_indexes_real import BUILDS, builder, hold_snapshot
from worker.process import EXTRA_SECONDS
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.ports.requests import CreateIndexRequest


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealIndexes]:
    async with open_indexes(postgres_server) as found:
        yield found


@pytest.mark.parametrize(
    ("details", "why"),
    [
        (ActivityCancellationDetails(cancel_requested=True), "it was called off"),
        (ActivityCancellationDetails(worker_shutdown=True), "its worker was told to end"),
    ],
)
async def test_a_creation_that_is_cancelled_leaves_nothing_and_is_no_failure(
    stage: RealIndexes, admin: Connection, details: ActivityCancellationDetails, why: str
) -> None:
    await hold_snapshot(stage)

    outcome = await cancelled(stage, admin, details)

    assert outcome.status is OutcomeStatus.NOTHING
    assert outcome.touched[0].result == "not created, its invalid rest dropped"
    assert not outcome.touched[0].changed
    assert outcome.detail == f"{why} in the middle of it"
    assert await stage.names() == {}


async def test_a_rest_that_cannot_be_dropped_in_the_last_seconds_of_a_worker_is_told(
    stage: RealIndexes, admin: Connection
) -> None:
    """Its drop waits for whoever has read the table, as the slow query itself."""
    reader = await hold_snapshot(stage)
    await reader.fetchval(f"SELECT count(*) FROM {TABLE} WHERE id = 1")  # noqa: S608
    began = time.monotonic()

    outcome = await cancelled(stage, admin, ActivityCancellationDetails(worker_shutdown=True))

    assert time.monotonic() - began < EXTRA_SECONDS
    assert outcome.status is OutcomeStatus.PARTLY
    assert (outcome.touched[0].changed, outcome.touched[0].result) == (True, "left INVALID")
    assert outcome.detail.startswith("its worker was told to end in the middle of it; it is INVALID")
    assert f"DROP INDEX CONCURRENTLY public.{NAME}" in outcome.detail
    assert await stage.names() == {NAME: False}


async def test_what_is_not_known_when_the_worker_has_to_leave_is_unknown(
    stage: RealIndexes, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.creating.SECONDS_TO_CLEAR_UP", 0.0)
    reader = await hold_snapshot(stage)

    outcome = await cancelled(stage, admin, ActivityCancellationDetails(worker_shutdown=True))

    assert (outcome.status, outcome.touched[0].changed) == (OutcomeStatus.UNKNOWN, True)
    assert "it may still be built, or be INVALID and have to be dropped: DROP INDEX" in outcome.detail
    await reader.execute("ROLLBACK")
    for _ in range(400):
        if await admin.fetchval(BUILDS) is None:
            break
        await asyncio.sleep(0.05)


async def test_a_creation_that_is_given_up_before_it_begins_creates_nothing(stage: RealIndexes) -> None:
    async def create_anyway(request: CreateIndexRequest) -> Outcome:
        activity._Context.current().cancelled_event.set()
        return await stage.port.create_index(request)

    request = CreateIndexRequest(target=stage.target, act=creation(stage))
    outcome = await examples.environment().run(create_anyway, request)

    assert (outcome.status, outcome.touched[0].result) == (OutcomeStatus.NOTHING, "not created")
    assert await stage.names() == {}


async def cancelled(stage: RealIndexes, admin: Connection, details: ActivityCancellationDetails) -> Outcome:
    """The outcome of a creation that is cancelled once it is under way."""
    environment = examples.environment()
    request = CreateIndexRequest(target=stage.target, act=creation(stage))
    creating: asyncio.Task[Outcome] = asyncio.create_task(environment.run(stage.port.create_index, request))
    await builder(admin)
    environment.cancel(details)
    return await asyncio.wait_for(creating, 20)
