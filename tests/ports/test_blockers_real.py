"""Who stands in front, as only a real PostgreSQL can show it: prepared transactions, upgrades, kinds."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from activities import warm_connection
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import Connection, RealDatabase
from tests.ports.lock_table import TABLE
from workflows.blocking import queue_in
from workflows.models.blocker import PREPARED, Blocker, LockRequest
from workflows.models.evidence import DatabaseReading
from workflows.models.reading import Known, Unavailable


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


@pytest.fixture(autouse=True)
async def second_table(admin: Connection) -> AsyncIterator[None]:
    await admin.execute(f"CREATE TABLE {TABLE}_2 (id integer PRIMARY KEY)")
    await admin.execute(f"ALTER TABLE {TABLE}_2 OWNER TO covetpy")
    yield
    await admin.execute(f"DROP TABLE {TABLE}_2")


async def read(stage: RealDatabase) -> tuple[DatabaseReading, dict[int, Blocker]]:
    reading = await stage.port.read_database(examples.look(stage.target))
    assert isinstance(reading.blockers, Known), reading.blockers
    return reading, {blocker.pid: blocker for blocker in reading.blockers.value}


async def test_a_prepared_transaction_in_front_has_an_owner_and_no_pid(
    stage: RealDatabase, admin: Connection
) -> None:
    holder = await stage.write()
    await stage.connection(holder).execute("PREPARE TRANSACTION 'forgotten'")
    try:
        waiter = await stage.write(behind=holder)
        reading, blockers = await read(stage)
    finally:
        await admin.execute("ROLLBACK PREPARED 'forgotten'")

    assert queue_in(reading, stage.target).fronts == (0,)
    assert queue_in(reading, stage.target).behind[0] == {waiter}
    assert blockers[0].kind == PREPARED
    assert blockers[0].owner == "covetpy"
    assert blockers[0].identity is None
    assert blockers[0].holds
    assert 0 <= (blockers[0].state_seconds or -1) < 30


async def test_a_prepared_transaction_that_holds_the_table_is_told_from_one_that_does_not(
    stage: RealDatabase, admin: Connection
) -> None:
    other = await stage.write()
    await stage.connection(other).execute("PREPARE TRANSACTION 'other'")
    try:
        await admin.execute(f"BEGIN; LOCK {TABLE}_2 IN ACCESS EXCLUSIVE MODE; PREPARE TRANSACTION 'holder'")
        waiting = await stage.idle()
        await stage.table.wait(stage.connection(waiting), f"TABLE {TABLE}_2")
        _, blockers = await read(stage)
    finally:
        await admin.execute("ROLLBACK PREPARED 'other'")
        await admin.execute("ROLLBACK PREPARED 'holder'")

    assert blockers[0].owner == "postgres"


async def test_whoever_read_the_table_it_waits_to_change_holds_nothing_that_readers_need(
    stage: RealDatabase,
) -> None:
    reader = await stage.read_table(application="nightly")
    change = await stage.read_table(application="migration")
    await stage.table.wait(stage.connection(change), f"ALTER TABLE {TABLE} ADD COLUMN added integer")
    await stage.read_table(behind=change)

    _, blockers = await read(stage)

    assert not blockers[change].holds
    assert blockers[reader].holds


async def test_a_change_that_holds_one_table_and_waits_for_another_is_a_waiting_change_that_holds(
    stage: RealDatabase,
) -> None:
    reader = await stage.read_table(application="nightly")
    change = await stage.read_table(application="migration")
    migration = stage.connection(change)
    await migration.execute(f"ALTER TABLE {TABLE}_2 ADD COLUMN added integer")
    await stage.table.wait(migration, f"ALTER TABLE {TABLE} ADD COLUMN added integer")
    waiter = await stage.idle()
    await stage.table.wait(stage.connection(waiter), f"TABLE {TABLE}_2")

    reading, blockers = await read(stage)

    assert queue_in(reading, stage.target).behind_changes == {waiter}
    assert (blockers[change].holds, blockers[change].has_written) == (True, True)
    assert blockers[change].blocked_by == (reader,)


async def test_a_migration_left_open_is_told_with_its_last_statement_and_what_others_want_of_it(
    stage: RealDatabase,
) -> None:
    root = await stage.write()
    await stage.connection(root).execute(f"ALTER TABLE {TABLE} ADD COLUMN added integer")
    await stage.read_table(behind=root)

    _, blockers = await read(stage)

    assert (blockers[root].statement, blockers[root].holds) == ("ALTER TABLE", True)
    assert blockers[root].withholds == LockRequest(
        kind="relation", mode="AccessShareLock", relation=f"public.{TABLE}"
    )


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"/* secret */ TRUNCATE {TABLE}", None),
        (f"create  unique\n index queue_index on {TABLE} (id)", "CREATE UNIQUE INDEX"),
        (f"DROP TABLE {TABLE}", "DROP TABLE"),
        (f"LOCK TABLE {TABLE}", "LOCK"),
        (f"UPDATE {TABLE} SET times = length('hidden') WHERE id = 1", None),  # noqa: S608
    ],
)
async def test_of_a_statement_no_more_is_told_than_its_first_words(
    stage: RealDatabase, statement: str, told: str | None
) -> None:
    holder = await stage.write()
    front = await stage.idle()
    connection = stage.connection(front)
    await connection.execute("BEGIN")
    await stage.table.wait(connection, statement)
    waiter = await stage.idle()
    await stage.table.wait(stage.connection(waiter), f"ALTER TABLE {TABLE} ADD COLUMN added integer")

    _, blockers = await read(stage)

    assert set(blockers) == {holder, front}
    assert blockers[front].statement == told
    assert not {"hidden", "secret"} & set(re.findall(r"\w+", str(blockers)))


async def test_locks_that_are_no_row_and_no_table_are_followed_too(stage: RealDatabase) -> None:
    holder, waiter = await stage.idle(), await stage.idle()
    await stage.connection(holder).execute("SELECT pg_advisory_lock(4711)")
    await stage.table.wait(stage.connection(waiter), "SELECT pg_advisory_lock(4711)")

    reading, blockers = await read(stage)

    assert queue_in(reading, stage.target).fronts == (holder,)
    assert blockers[holder].holds
    identity = blockers[holder].identity
    assert identity is not None
    assert identity.state == "idle"


async def test_a_reading_that_takes_too_long_costs_the_blockers_and_not_the_sessions(
    stage: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await stage.write()
    await stage.write(behind=root)
    slow = "SELECT pg_sleep(30), $1::int[], $2::int[], $3::int"
    monkeypatch.setitem(warm_connection.SQL, "blockers", slow)

    reading = await stage.port.read_database(examples.look(stage.target))

    assert len(reading.sessions) == 2
    assert reading.sessions[1].blocked_by == (root,)
    assert isinstance(reading.blockers, Unavailable)
    assert "statement timeout" in reading.blockers.reason
