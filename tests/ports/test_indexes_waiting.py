"""Indexes on a real PostgreSQL where others are in the way: whom a creation waits for, who waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest

from activities import indexes
from activities.indexes import PostgresIndexes
from activities.owner_connection import Owners
from deploy.local.postgres import Postgres, Settings, serve
from deploy.local.state import State
from tests.fakes.indexes import TABLE
from tests.ports import examples
from tests.ports.database_stage import Connection
from tests.ports.index_stage import RealIndexes, open_indexes
from tests.ports.test_indexes import NAME, create, creation, measure
from workflows.errors import PreconditionGone, WrongServer
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.plan import IndexCreation
from workflows.ports.requests import CreateIndexRequest

OLD = "BEGIN ISOLATION LEVEL REPEATABLE READ"
SLEEP = "SELECT pg_sleep($1)"
CHANGE = f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS more integer"
SLOW_BUILD = """
CREATE TABLE IF NOT EXISTS few AS SELECT n AS id FROM generate_series(1, 3) AS n;
CREATE OR REPLACE FUNCTION slowly(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN PERFORM pg_sleep(1.5); RETURN n; END $$
"""


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealIndexes]:
    async with open_indexes(postgres_server) as found:
        yield found


class Heard:
    """A creation under way, and what its heartbeats said became of the index."""

    def __init__(self, stage: RealIndexes, act: IndexCreation) -> None:
        self.results: list[str] = []
        environment = examples.environment()
        environment.on_heartbeat = self._hear
        request = CreateIndexRequest(target=stage.target, act=act)
        self.outcome: asyncio.Task[Outcome] = asyncio.create_task(
            environment.run(stage.port.create_index, request)
        )

    def _hear(self, touched: tuple[Touched, ...]) -> None:
        self.results.append(touched[0].result)

    async def until(self, result: str) -> None:
        for _ in range(2000):
            if result in self.results:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"never heard {result}, only {self.results}")


async def read_on(stage: RealIndexes) -> Connection:
    """A transaction with an old snapshot that has read the table: as the slow query, or a report."""
    connection = await stage.connect()
    await connection.execute(OLD)
    await connection.fetchval(f"SELECT count(*) FROM {TABLE} WHERE id = 1")  # noqa: S608
    return connection


async def test_the_rest_is_dropped_once_the_last_reader_of_the_table_has_ended(stage: RealIndexes) -> None:
    reader = await read_on(stage)
    heard = Heard(stage, creation(stage, seconds=1.0))
    await heard.until("failed; its rest is being dropped")
    await asyncio.sleep(2.0)  # longer than the creation itself could wait
    assert not heard.outcome.done()

    await reader.execute("ROLLBACK")
    outcome = await heard.outcome

    assert (outcome.status, outcome.touched[0].changed) == (OutcomeStatus.FAILED, False)
    assert outcome.touched[0].result == "not created, its invalid rest dropped"
    assert await stage.names() == {}


async def test_no_single_wait_ends_it_before_its_time(stage: RealIndexes, postgres_server: Postgres) -> None:
    owners = Owners({examples.INDEX_DSN: postgres_server.index_dsn})

    async with owners.connect(stage.target.database, timedelta(minutes=5)) as connection:
        assert await connection.fetchval("SHOW lock_timeout") == "0"
        assert await connection.fetchval("SHOW statement_timeout") == "5min"


async def test_the_slow_query_itself_is_in_the_way_once_it_is_old(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.query_id = await stage.query(SLEEP, 0.0)
    sleeping = asyncio.create_task((await stage.connect()).fetch(SLEEP, 5.0))
    await asyncio.sleep(1.0)

    monkeypatch.setattr(indexes, "SECONDS_TO_BE_IN_THE_WAY", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(indexes, "SECONDS_OF_A_SLOW_ONE", 0.5)
        with pytest.raises(PreconditionGone, match="has a snapshot that the creation waits for"):
            await create(stage)
    assert await stage.names() == {}

    assert (await create(stage)).status is OutcomeStatus.DONE
    assert sleeping.done()


async def hold_snapshot(stage: RealIndexes) -> None:
    connection = await stage.connect()
    await connection.execute(OLD)
    await connection.fetchval("SELECT 1")


async def hold_lock(stage: RealIndexes) -> None:
    connection = await stage.connect()
    await connection.execute("BEGIN")
    await connection.execute(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE")


@pytest.mark.parametrize(
    ("hold", "result"),
    [(hold_snapshot, "not created, its invalid rest dropped"), (hold_lock, "not created")],
)
async def test_it_is_stopped_where_others_have_to_queue_behind_it(
    stage: RealIndexes,
    monkeypatch: pytest.MonkeyPatch,
    hold: Callable[[RealIndexes], Awaitable[None]],
    result: str,
) -> None:
    monkeypatch.setattr("activities.creating.SECONDS_BEHIND_IT", 1.0)
    await hold(stage)
    heard = Heard(stage, creation(stage))
    await heard.until("being created")
    migration = await stage.connect()
    await asyncio.sleep(0.5)  # it has told the server by then
    changing = asyncio.create_task(
        migration.execute(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS more integer")
    )

    outcome = await asyncio.wait_for(heard.outcome, 20)

    assert (outcome.status, outcome.touched[0].result) == (OutcomeStatus.FAILED, result)
    assert "(orders-api, covetpy) waited" in outcome.detail
    assert "behind it for a lock (AccessExclusiveLock)" in outcome.detail
    assert await stage.names() == {}
    if hold is hold_snapshot:
        await changing
    else:
        changing.cancel()


async def test_a_reader_or_a_vacuum_behind_it_is_no_reason_to_stop(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.creating.SECONDS_BEHIND_IT", 0.5)
    reader = await read_on(stage)
    heard = Heard(stage, creation(stage))
    await heard.until("being created")
    vacuum = asyncio.create_task((await stage.connect()).execute(f"VACUUM {TABLE}"))
    await asyncio.sleep(2.5)
    await reader.execute("ROLLBACK")

    assert (await heard.outcome).status is OutcomeStatus.DONE
    await vacuum


async def test_a_drop_is_stopped_as_well_and_told(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.creating.SECONDS_BEHIND_IT", 1.0)
    await read_on(stage)
    heard = Heard(stage, creation(stage, seconds=1.0))
    await heard.until("failed; its rest is being dropped")
    migration = await stage.connect()
    await asyncio.sleep(0.5)  # it has told the server by then
    changing = asyncio.create_task(migration.execute(CHANGE))

    outcome = await asyncio.wait_for(heard.outcome, 20)

    assert outcome.touched[0].result == "left INVALID"
    assert f"has to be dropped: DROP INDEX CONCURRENTLY public.{NAME} (stopped: pid" in outcome.detail
    changing.cancel()


async def test_a_rest_whose_drop_cannot_even_begin_is_told_with_its_statement(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = WrongServer("it leads elsewhere by now")
    monkeypatch.setattr("activities.creating.check", AsyncMock(side_effect=[None, refusal]))
    await hold_snapshot(stage)

    outcome = await create(stage, creation(stage, seconds=1.0))

    assert (outcome.status, outcome.touched[0].result) == (OutcomeStatus.FAILED, "left INVALID")
    assert f"DROP INDEX CONCURRENTLY public.{NAME} (it leads elsewhere by now)" in outcome.detail
    assert await stage.names() == {NAME: False}


async def test_who_creates_an_index_the_plain_way_is_in_the_way(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "SECONDS_TO_BE_IN_THE_WAY", 0.0)
    connection = await stage.connect()
    await connection.execute("BEGIN")
    await connection.execute(f"CREATE INDEX by_kind ON {TABLE} (kind)")
    await asyncio.sleep(0.01)

    with pytest.raises(PreconditionGone, match="has a lock on the table"):
        await create(stage)


@pytest.mark.parametrize("way", ["", "CONCURRENTLY"])
async def test_who_builds_an_index_on_an_expression_is_in_the_way(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(indexes, "SECONDS_TO_BE_IN_THE_WAY", 0.0)
    connection = await stage.connect()
    await connection.execute(SLOW_BUILD)
    building = asyncio.create_task(connection.execute(f"CREATE INDEX {way} slowly_made ON few (slowly(id))"))
    await asyncio.sleep(1.0)

    with pytest.raises(PreconditionGone, match="has a snapshot that the creation waits for"):
        await create(stage)

    await building
    await connection.execute("DROP TABLE few")


async def test_a_login_that_leads_to_another_server_is_refused(
    stage: RealIndexes, stack_state: State, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(stack_state, Settings(name="copy")) as copy:
        stage.indexes = PostgresIndexes(stage.database, {examples.INDEX_DSN: copy.index_dsn})
        stage.port = stage.indexes
        refusal = f"{examples.INDEX_DSN} leads to another server than {examples.DSN}"

        with pytest.raises(WrongServer, match=refusal):
            await stage.indexes.try_login(stage.target.database)
        with pytest.raises(WrongServer, match=refusal):
            await create(stage)
        with pytest.raises(WrongServer, match=refusal):
            await measure(stage)
        # The address may lead elsewhere from one connection to the next.
        monkeypatch.setattr(indexes, "check", AsyncMock())
        outcome = await create(stage)

    assert (outcome.status, outcome.touched[0].changed) == (OutcomeStatus.FAILED, False)
    assert refusal in outcome.detail
