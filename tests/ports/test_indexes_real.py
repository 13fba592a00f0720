"""Indexes on a real PostgreSQL: cut off half-way, names that are taken, missing rights, odd queries."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from activities import indexes
from activities.creating import Creation
from deploy.local.postgres import Postgres
from tests.fakes.indexes import TABLE
from tests.ports import examples
from tests.ports.database_stage import Connection
from tests.ports.index_stage import RealIndexes, open_indexes
from tests.ports.test_indexes import NAME, advise, create, creation
from workflows.errors import PoolmedicError, PreconditionGone, SourceRefused
from workflows.models.outcome import OutcomeStatus

BUILDS = "SELECT pid FROM pg_stat_progress_create_index"
OLD = "BEGIN ISOLATION LEVEL REPEATABLE READ"


@pytest.fixture
async def stage(postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RealIndexes]:
    async with open_indexes(postgres_server) as found:
        yield found


async def hold_snapshot(stage: RealIndexes) -> Connection:
    """A transaction that a creation has to wait for, too young to be called in the way."""
    connection = await stage.connect()
    await connection.execute(OLD)
    await connection.fetchval("SELECT 1")
    return connection


async def builder(admin: Connection) -> int:
    """The session that creates the index, once it does."""
    for _ in range(1000):
        pid = await admin.fetchval(BUILDS)
        if pid is not None:
            return int(pid)
        await asyncio.sleep(0.01)
    raise AssertionError("nobody creates an index")


async def test_an_old_snapshot_is_in_the_way_and_the_slow_query_itself_is_not(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "SECONDS_TO_BE_IN_THE_WAY", 0.0)
    await hold_snapshot(stage)

    (waits,) = (await advise(stage)).in_the_way

    assert "(orders-api, covetpy) has a snapshot that the creation waits for" in waits


async def test_what_takes_too_long_is_given_up_and_its_invalid_rest_is_dropped(stage: RealIndexes) -> None:
    await hold_snapshot(stage)

    outcome = await create(stage, creation(stage, seconds=1.0))

    assert outcome.status is OutcomeStatus.FAILED
    assert outcome.touched[0].result == "not created, its invalid rest dropped"
    assert "timeout" in outcome.detail
    assert await stage.names() == {}


async def test_a_creation_whose_session_ends_leaves_nothing(stage: RealIndexes, admin: Connection) -> None:
    await hold_snapshot(stage)
    creating = asyncio.create_task(create(stage))
    await admin.execute(f"SELECT pg_terminate_backend({await builder(admin)}, 5000)")

    outcome = await creating

    assert outcome.status is OutcomeStatus.FAILED
    assert await stage.names() == {}


async def test_a_rest_that_cannot_be_dropped_is_told_with_its_statement(
    stage: RealIndexes, admin: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.creating.LONGEST_DROP", timedelta(seconds=2))
    await hold_snapshot(stage)
    creating = asyncio.create_task(create(stage, creation(stage, seconds=4.0)))
    await builder(admin)
    # A lock that lets the creation come as far as it does, and its rest not be dropped.
    blocker = await stage.connect()
    # The creation may wait for it too: then it is the creation that has to give up, as in the other order.
    await admin.execute("GRANT SET ON PARAMETER deadlock_timeout TO covetpy")
    await blocker.execute("SET deadlock_timeout = '1min'")
    await admin.execute("REVOKE SET ON PARAMETER deadlock_timeout FROM covetpy")
    await blocker.execute("BEGIN")
    lock = asyncio.create_task(blocker.execute(f"LOCK TABLE {TABLE} IN SHARE UPDATE EXCLUSIVE MODE"))

    outcome = await creating

    assert outcome.status is OutcomeStatus.FAILED
    assert f"DROP INDEX CONCURRENTLY public.{NAME}" in outcome.detail
    assert await stage.names() == {NAME: False}
    await lock


async def test_an_invalid_index_of_that_name_is_left_alone(stage: RealIndexes) -> None:
    with pytest.raises(Exception, match="duplicate"):
        await stage.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON {TABLE} (receiver)")
    assert await stage.names() == {NAME: False}

    with pytest.raises(PreconditionGone, match="is there already, and is another one"):
        await create(stage)

    assert await stage.names() == {NAME: False}


async def test_an_invalid_one_that_a_lost_attempt_left_is_for_a_person(
    stage: RealIndexes, admin: Connection
) -> None:
    holder = await hold_snapshot(stage)
    creating = asyncio.create_task(stage.execute(f"CREATE INDEX CONCURRENTLY {NAME} ON {TABLE} (receiver)"))
    pid = await builder(admin)
    with pytest.raises(PreconditionGone, match="is being built already"):
        await create(stage)
    await admin.execute(f"SELECT pg_cancel_backend({pid})")
    await asyncio.wait({creating})
    await holder.execute("ROLLBACK")
    assert creating.exception() is not None

    with pytest.raises(PreconditionGone, match="is there already and INVALID"):
        await create(stage)

    assert await stage.names() == {NAME: False}


async def test_a_name_that_is_taken_meanwhile_is_left_alone(
    stage: RealIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Creation._state

    async def take_it(creation: Creation) -> object:
        found = await seen(creation)
        if found is None:
            await stage.execute(f"CREATE INDEX {NAME} ON {TABLE} (kind)")
        return found

    monkeypatch.setattr(Creation, "_state", take_it)

    with pytest.raises(PreconditionGone, match="was taken meanwhile"):
        await create(stage)

    assert await stage.names() == {NAME: True}


async def test_another_index_of_that_name_is_not_taken_for_it(stage: RealIndexes) -> None:
    await stage.execute(f"CREATE INDEX {NAME} ON {TABLE} (kind)")

    with pytest.raises(PreconditionGone, match="is another one"):
        await create(stage)


async def test_a_login_that_is_no_member_of_the_owner_is_told_and_creates_nothing(
    stage: RealIndexes, admin: Connection
) -> None:
    await admin.execute("REVOKE covetpy FROM poolmedic_index")
    await admin.execute(f"GRANT SELECT ON {TABLE} TO poolmedic_index")
    try:
        with pytest.raises(PreconditionGone, match="belongs to covetpy, whose member the login is not"):
            await advise(stage)
        outcome = await create(stage)
    finally:
        await admin.execute("GRANT covetpy TO poolmedic_index WITH INHERIT TRUE, SET FALSE")
    assert outcome.status is OutcomeStatus.FAILED
    assert "must be owner" in outcome.detail
    assert await stage.names() == {}


async def test_poolmedics_own_login_could_not(stage: RealIndexes, postgres_server: Postgres) -> None:
    stage.indexes = indexes.PostgresIndexes(stage.database, {examples.INDEX_DSN: postgres_server.medic_dsn})
    stage.port = stage.indexes

    with pytest.raises(PoolmedicError):
        await advise(stage)
    assert (await create(stage)).status is OutcomeStatus.FAILED
    assert await stage.names() == {}


TAKES_PART = [
    (
        "SELECT id FROM parcels_of_tests AS p WHERE p.code = $1 AND p.receiver = $2",
        ("a", 7),
        ("code", "receiver"),
    ),
    ("SELECT id FROM parcels_of_tests WHERE $1 = receiver AND id > $2", (7, 9), ("receiver", "id")),
    (
        "SELECT (SELECT max(id) FROM parcels_of_tests WHERE receiver = n) FROM unnest($1::int[]) AS n",
        ([1],),
        ("receiver",),
    ),
    ("UPDATE parcels_of_tests SET kind = $1 WHERE receiver = $2", (1, 7), ("receiver",)),
]
READS_ALL = [
    ("SELECT id FROM parcels_of_tests WHERE kind = $1", (1,), "has a large part of its rows"),
    ("SELECT count(*) FROM parcels_of_tests WHERE id > $1", (1,), "read whole for a range of id"),
    ("SELECT count(*) FROM parcels_of_tests WHERE receiver = $1 OR id = $2", (1, 2), "reads no table whole"),
    ("SELECT count(*) FROM parcels_of_tests WHERE receiver + $2 = $1", (1, 1), "reads no table whole"),
    ("SELECT count(*) FROM parcels_of_tests", (), "reads no table whole"),
    ("SELECT count(*) FROM pg_class WHERE relpages = $1", (1,), "pg_catalog.pg_class is small"),
]


@pytest.mark.parametrize(("statement", "arguments", "columns"), TAKES_PART)
async def test_the_columns_are_those_that_choose_the_rows(
    stage: RealIndexes, statement: str, arguments: tuple[object, ...], columns: tuple[str, ...]
) -> None:
    await stage.query(statement, *arguments)

    assert (await advise(stage)).columns == columns


@pytest.mark.parametrize(("statement", "arguments", "why"), READS_ALL)
async def test_why_no_index_is_known(
    stage: RealIndexes, statement: str, arguments: tuple[object, ...], why: str
) -> None:
    await stage.query(statement, *arguments)

    with pytest.raises(PreconditionGone, match=why):
        await advise(stage)


async def test_a_column_with_an_index_that_is_not_used_is_for_a_person(stage: RealIndexes) -> None:
    await stage.execute(f"CREATE INDEX by_receiver ON {TABLE} (receiver)")
    await stage.execute("ALTER ROLE poolmedic_index SET enable_indexscan = off")
    await stage.execute("ALTER ROLE poolmedic_index SET enable_bitmapscan = off")
    await stage.execute("ALTER ROLE poolmedic_index SET enable_indexonlyscan = off")
    try:
        with pytest.raises(PreconditionGone, match="has an index on receiver that is not used"):
            await advise(stage)
    finally:
        await stage.execute("ALTER ROLE poolmedic_index RESET enable_indexscan")
        await stage.execute("ALTER ROLE poolmedic_index RESET enable_bitmapscan")
        await stage.execute("ALTER ROLE poolmedic_index RESET enable_indexonlyscan")


async def test_a_statement_that_is_no_query_is_not_run(stage: RealIndexes) -> None:
    connection = await stage.connect()
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (id integer)")
    await stage.query("DROP TABLE IF EXISTS not_there")

    with pytest.raises(PoolmedicError):
        await advise(stage)


async def test_a_query_that_is_not_known_any_more_is_told(stage: RealIndexes) -> None:
    stage.query_id = 12345

    with pytest.raises(PreconditionGone, match="does not know query 12345 any more"):
        await advise(stage)


async def test_the_login_is_tried(stage: RealIndexes, postgres_server: Postgres) -> None:
    await stage.indexes.try_login(stage.target.database)
    elsewhere = indexes.PostgresIndexes(
        stage.database, {examples.INDEX_DSN: "postgresql://poolmedic_index:wrong@127.0.0.1:9/covetpy"}
    )
    with pytest.raises(PoolmedicError):
        await elsewhere.try_login(stage.target.database)
    unreadable = indexes.PostgresIndexes(stage.database, {examples.INDEX_DSN: "postgresql://["})
    with pytest.raises(SourceRefused, match="cannot be read"):
        await unreadable.try_login(stage.target.database)
