"""What presses on the server: on the fake and on the real one, and what only the real one can show."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from activities import warm_connection
from deploy.local.postgres import Postgres
from deploy.local.postgres_home import programs
from tests.ports import examples
from tests.ports.database_stage import Connection, DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeDatabaseStage
from workflows.models.pressure import ServerPressure
from workflows.models.reading import Known, Unavailable

SLOT = "left_behind"


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, postgres_server: Postgres) -> AsyncIterator[DatabaseStage]:
    async with AsyncExitStack() as stack:
        yield FakeDatabaseStage() if request.param == "fake" else RealDatabase(postgres_server, stack)


@pytest.fixture
async def real(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


async def read(stage: DatabaseStage) -> ServerPressure:
    found = (await stage.port.read_database(examples.look(stage.target))).pressure
    assert isinstance(found, Known), found
    return found.value


async def first_with_standby(stage: DatabaseStage) -> ServerPressure:
    async with asyncio.timeout(20):
        while True:
            if (found := await read(stage)).standbys:
                return found
            await asyncio.sleep(0.05)


async def test_a_calm_server_has_neither_standbys_nor_slots(stage: DatabaseStage) -> None:
    await stage.leak()
    found = await read(stage)
    assert found.standbys == ()
    assert (found.idle_slots, found.kept_bytes) == (0, None)
    assert found.checkpoints.timed + found.checkpoints.requested >= 0


async def test_whoever_waits_is_counted_by_what_for(stage: DatabaseStage) -> None:
    before = (await read(stage)).waits.get("Lock", 0)
    holder = await stage.write()
    await stage.write(behind=holder)
    assert (await read(stage)).waits["Lock"] == before + 1


async def test_statements_of_others_are_told_from_the_target_s_own(stage: DatabaseStage) -> None:
    before = await read(stage)
    assert before.others is not None
    holder = await stage.write()
    for application in (examples.APPLICATION, examples.APPLICATION, "nightly"):
        await stage.write(application=application, behind=holder)
    found = await read(stage)
    assert found.others is not None
    assert found.waits["Lock"] == before.waits.get("Lock", 0) + 3
    assert found.others["Lock"] == before.others.get("Lock", 0) + 1


async def test_a_slot_that_nobody_reads_is_found(real: RealDatabase, admin: Connection) -> None:
    await admin.execute("SELECT pg_create_physical_replication_slot($1, true)", SLOT)
    try:
        await admin.execute("SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))")
        found = await read(real)
    finally:
        await admin.execute("SELECT pg_drop_replication_slot($1)", SLOT)
    assert (found.idle_slots, found.slot_names) == (1, (SLOT,))
    assert (found.kept_bytes or 0) >= 100_000


async def test_a_slot_that_keeps_nothing_is_no_matter(real: RealDatabase, admin: Connection) -> None:
    await admin.execute("SELECT pg_create_physical_replication_slot($1)", SLOT)
    try:
        found = await read(real)
    finally:
        await admin.execute("SELECT pg_drop_replication_slot($1)", SLOT)
    assert (found.idle_slots, found.kept_bytes) == (0, None)


async def test_whoever_streams_the_log_is_a_standby(
    real: RealDatabase, postgres_server: Postgres, tmp_path: Path
) -> None:
    """`pg_receivewal` keeps the log and replays nothing, so how far behind it is stays unknown."""
    child = await asyncio.create_subprocess_exec(
        str(programs() / "pg_receivewal"),
        "--no-loop",
        "-D",
        str(tmp_path),
        "-d",
        postgres_server.superuser_dsn,
    )
    try:
        found = await first_with_standby(real)
    finally:
        child.terminate()
        await child.wait()
    assert found.standbys[0].state in {"startup", "catchup", "streaming"}
    assert not found.standbys[0].is_sync
    assert found.standbys[0].behind_bytes is None


async def test_a_checkpoint_that_somebody_asks_for_is_counted(real: RealDatabase, admin: Connection) -> None:
    before = (await read(real)).checkpoints
    await admin.execute("CHECKPOINT")
    after = (await read(real)).checkpoints
    assert after.requested == before.requested + 1
    assert after.since is not None


async def test_an_answer_that_fails_loses_nothing_else(
    real: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(warm_connection.SQL, "slots", "SELECT 1 / 0 AS idle, 0 AS kept_bytes")
    pid = await real.leak()
    reading = await real.port.read_database(examples.look(real.target))
    assert isinstance(reading.pressure, Unavailable)
    assert "what presses on the server" in reading.pressure.reason
    assert pid in [session.identity.pid for session in reading.sessions]
