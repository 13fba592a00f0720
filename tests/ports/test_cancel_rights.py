"""Cancelling on a real PostgreSQL: rights that are missing, sessions it protects, answers that are lost."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.cutting_proxy import CuttingProxy
from tests.ports.database_stage import Connection, RealDatabase
from tests.ports.medic import opened
from tests.ports.sessions import described_as
from tests.ports.test_cancel import blocked_readers, changes, request
from workflows.errors import SourceRefused
from workflows.models.outcome import OutcomeStatus


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


async def test_execution_denied_is_seen_before_and_during(stage: RealDatabase, admin: Connection) -> None:
    await blocked_readers(stage)
    statements = (await changes(stage)).values()
    signature = await admin.fetchval("SELECT 'poolmedic.cancel_query'::regproc::oid::regprocedure::text")
    await admin.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM poolmedic")
    try:
        server = (await stage.port.read_database(examples.look(stage.target))).server
        assert (server.can_terminate, server.can_cancel) == (True, False)
        with pytest.raises(SourceRefused, match=r"poolmedic\.cancel_query may not be called for covetpy"):
            await examples.environment().run(stage.port.cancel_queries, request(stage, statements))
    finally:
        await admin.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO poolmedic")
    assert stage.cancelled() == []
    assert (await stage.port.read_database(examples.look(stage.target))).server.can_cancel


async def test_a_statement_that_has_come_to_its_end_meanwhile_is_left_alone(
    stage: RealDatabase, admin: Connection
) -> None:
    reader, change, _ = await blocked_readers(stage)
    (statement,) = (await changes(stage)).values()
    await stage.connection(reader).execute("ROLLBACK")
    await described_as(admin, change, "state = 'idle'")

    outcome = await examples.environment().run(stage.port.cancel_queries, request(stage, [statement]))

    assert outcome.status is OutcomeStatus.NOTHING
    assert "left alone: it has moved on (idle since" in outcome.touched[0].result
    assert stage.cancelled() == []


async def test_an_answer_that_is_lost_makes_the_outcome_unknown_and_a_second_run_touches_nothing(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    _, change, _ = await blocked_readers(stage)
    asked = request(stage, (await changes(stage)).values())
    where = urlsplit(postgres_server.medic_dsn)
    async with CuttingProxy.before(where.hostname or "", where.port or 0, b"cancel_query(") as proxy:
        through = postgres_server.medic_dsn.replace(f":{where.port}/", f":{proxy.port}/")
        async with opened(through) as database:
            outcome = await examples.environment().run(database.cancel_queries, asked)

    again = await examples.environment().run(stage.port.cancel_queries, asked)

    assert outcome.status is OutcomeStatus.UNKNOWN
    assert outcome.touched[0].result == "asked to stop; no answer heard"
    assert again.status is OutcomeStatus.NOTHING
    assert stage.cancelled() == [change]
