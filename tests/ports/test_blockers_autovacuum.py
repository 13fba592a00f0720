"""An autovacuum in front: one that prevents wraparound makes way for nobody, and is told as such."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from deploy.local import probes
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import Connection, RealDatabase
from workflows.blocking import queue_in
from workflows.front import describe_front
from workflows.models.blocker import AUTOVACUUM
from workflows.models.reading import Known

TABLE = "worn_out"
# As slow as it can be made, and due as soon as it can be made due.
STORAGE = (
    "autovacuum_freeze_max_age = 100000, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1"
)
WEAR_OUT = """
DO $$ BEGIN
    FOR number IN 1..100500 LOOP
        PERFORM pg_current_xact_id();
        COMMIT;
    END LOOP;
END $$"""
WORKER = """
SELECT a.pid FROM pg_stat_activity AS a JOIN pg_locks AS l ON l.pid = a.pid
 WHERE a.backend_type = 'autovacuum worker' AND l.relation = $1::regclass AND l.granted"""


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


@pytest.fixture
async def worker(admin: Connection) -> AsyncIterator[int]:
    """The pid of an autovacuum that prevents wraparound, at work on the table."""
    await admin.execute(f"CREATE TABLE {TABLE} (id integer) WITH ({STORAGE})")
    await admin.execute(f"ALTER TABLE {TABLE} OWNER TO covetpy")
    await admin.execute(f"INSERT INTO {TABLE} SELECT generate_series(1, 200000)")
    await admin.execute(WEAR_OUT)
    await admin.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    await admin.execute("SELECT pg_reload_conf()")
    try:

        async def is_absent() -> str | None:
            return None if await admin.fetchval(WORKER, TABLE) else "no autovacuum works on the table"

        assert await probes.until(is_absent, 60) is None
        yield await admin.fetchval(WORKER, TABLE)
    finally:
        await admin.execute("ALTER SYSTEM RESET autovacuum_naptime")
        await admin.execute("SELECT pg_reload_conf()")
        await admin.execute(f"SELECT pg_terminate_backend(pid) FROM ({WORKER}) AS at_work", TABLE)  # noqa: S608
        await admin.execute(f"DROP TABLE {TABLE}")


async def test_an_autovacuum_that_prevents_wraparound_is_told_and_has_no_identity(
    stage: RealDatabase, worker: int
) -> None:
    waiting = await stage.idle()
    await stage.table.wait(stage.connection(waiting), f"ALTER TABLE {TABLE} ADD COLUMN added integer")

    reading = await stage.port.read_database(examples.look(stage.target))

    assert isinstance(reading.blockers, Known)
    blockers = {blocker.pid: blocker for blocker in reading.blockers.value}
    assert blockers[worker].kind == AUTOVACUUM
    assert blockers[worker].prevents_wraparound
    assert blockers[worker].identity is None
    assert blockers[worker].holds
    queue = queue_in(reading, stage.target)
    assert queue.fronts == (worker,)
    assert describe_front(queue, worker) == (
        f"pid {worker}, autovacuum to prevent wraparound, in the way of AccessExclusiveLock on public.{TABLE}"
    )
