"""The contract of who stands in front of waiting sessions, on the fake and on the real server."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeDatabaseStage
from workflows.blocking import queue_in
from workflows.models.blocker import CLIENT, Blocker, LockRequest
from workflows.models.evidence import DatabaseReading
from workflows.models.reading import Known


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, postgres_server: Postgres) -> AsyncIterator[DatabaseStage]:
    async with AsyncExitStack() as stack:
        yield FakeDatabaseStage() if request.param == "fake" else RealDatabase(postgres_server, stack)


async def read(stage: DatabaseStage) -> tuple[DatabaseReading, dict[int, Blocker]]:
    reading = await stage.port.read_database(examples.look(stage.target))
    assert isinstance(reading.blockers, Known)
    return reading, {blocker.pid: blocker for blocker in reading.blockers.value}


async def test_where_nobody_waits_nobody_is_in_front(stage: DatabaseStage) -> None:
    await stage.write()
    await stage.leak()

    assert (await read(stage))[1] == {}


async def test_an_own_root_is_told_with_everything_that_identifies_it(stage: DatabaseStage) -> None:
    root = await stage.write()
    waiter = await stage.write(behind=root)

    reading, blockers = await read(stage)

    sessions = {session.identity.pid: session for session in reading.sessions}
    assert sessions[waiter].blocked_by == (root,)
    assert sessions[waiter].wait_event_type == "Lock"
    assert list(blockers) == [root]
    assert blockers[root].identity == sessions[root].identity
    assert blockers[root].kind == CLIENT
    assert blockers[root].statement is None
    assert blockers[root].withholds == LockRequest(kind="transactionid", mode="ShareLock")
    assert (blockers[root].holds, blockers[root].has_written) == (True, True)
    assert (blockers[root].awaits, blockers[root].blocked_by) == (None, ())


async def test_a_queue_of_several_levels_leads_to_its_root(stage: DatabaseStage) -> None:
    root = await stage.write()
    first = await stage.write(behind=root)
    second = await stage.write(behind=first)
    last = await stage.write(behind=second)

    reading, blockers = await read(stage)

    queue = queue_in(reading, stage.target)
    assert queue.fronts == (root,)
    assert queue.behind[root] == {first, second, last}
    assert queue.behind[second] == {last}
    assert set(blockers) == {root, first, second}
    assert blockers[first].awaits == LockRequest(kind="transactionid", mode="ShareLock")


@pytest.mark.parametrize("whose", [{"role": "billing"}, {"application": "nightly"}])
async def test_a_foreign_root_is_told_though_its_session_is_never_listed(
    stage: DatabaseStage, whose: dict[str, Any]
) -> None:
    root = await stage.write(**whose)
    await stage.write(behind=root)

    reading, blockers = await read(stage)

    assert root not in {session.identity.pid for session in reading.sessions}
    identity = blockers[root].identity
    assert identity is not None
    assert identity.usename == whose.get("role", "covetpy")
    assert identity.application_name == whose.get("application", examples.APPLICATION)
    assert identity.state == "idle in transaction"
    assert 0 <= (blockers[root].state_seconds or -1) < 30


async def test_what_a_stranger_waits_for_is_followed(stage: DatabaseStage) -> None:
    root = await stage.write()
    between = await stage.write(role="billing", behind=root)
    last = await stage.write(behind=between)

    reading, blockers = await read(stage)

    assert blockers[between].blocked_by == (root,)
    assert queue_in(reading, stage.target).fronts == (root,)
    assert queue_in(reading, stage.target).behind_alone(root) == {last}


async def test_two_roots_have_each_its_own_queue(stage: DatabaseStage) -> None:
    one, other = await stage.write(), await stage.write()
    behind_one = {await stage.write(behind=one), await stage.write(behind=one)}
    behind_other = {await stage.write(behind=other)}

    reading, _ = await read(stage)

    queue = queue_in(reading, stage.target)
    assert queue.fronts == (one, other)
    assert queue.behind_alone(one) == behind_one
    assert queue.behind_alone(other) == behind_other


@pytest.mark.parametrize(("role", "statement"), [(None, "ALTER TABLE"), ("billing", "TRUNCATE")])
async def test_a_waiting_change_of_a_table_stands_in_the_queue_and_holds_nothing(
    stage: DatabaseStage, role: str | None, statement: str
) -> None:
    reader = await stage.read_table(application="nightly")
    change = await stage.change_table(reader, role=role)
    waiters = {await stage.read_table(behind=change), await stage.read_table(behind=change)}

    reading, blockers = await read(stage)

    queue = queue_in(reading, stage.target)
    assert queue.fronts == (reader,)
    assert queue.changes == (change,)
    assert queue.behind_changes == waiters
    assert not blockers[change].holds
    assert blockers[reader].holds
    wanted = LockRequest(kind="relation", mode="AccessExclusiveLock", relation="public.queue_of_locks")
    assert (blockers[change].withholds, blockers[reader].withholds) == (None, wanted)
    assert blockers[change].statement == statement
    request = blockers[change].awaits
    assert request is not None
    assert (request.kind, request.mode) == ("relation", "AccessExclusiveLock")
    assert request.relation == "public.queue_of_locks"
    assert blockers[change].query_start is not None


async def test_an_own_session_that_waits_to_change_a_table_is_seen_as_such(stage: DatabaseStage) -> None:
    """The application's own start may migrate under its own name."""
    stage.target = examples.target(application_names=[examples.APPLICATION, "migration"])
    reader = await stage.read_table(application="nightly")
    change = await stage.change_table(reader)
    waiter = await stage.read_table(behind=change)

    reading, _ = await read(stage)

    assert queue_in(reading, stage.target).changes == (change,)
    assert queue_in(reading, stage.target).behind_changes == {waiter}
