"""The right to end real sessions, seen before and needed during, and an answer that is lost."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from deploy.local import postgres_roles
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.cutting_proxy import CuttingProxy
from tests.ports.database_stage import Connection, RealDatabase
from tests.ports.medic import opened, terminate
from workflows.errors import SourceRefused
from workflows.models.outcome import OutcomeStatus
from workflows.models.reading import Unavailable


@pytest.fixture
async def stage(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


async def test_without_the_functions_nothing_can_be_ended(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    pid = await stage.leak(database="postgres")
    subject = examples.target(dbname="postgres")
    async with opened(postgres_server.dsn("poolmedic", "postgres")) as database:
        reading = await database.read_database(examples.look(subject))
        assert not reading.server.can_terminate
        assert isinstance(reading.statements, Unavailable)
        assert "CREATE EXTENSION" in reading.statements.reason
        with pytest.raises(SourceRefused, match=r"poolmedic\.sql"):
            await terminate(database, subject, [pid])
    assert await stage.alive() == {pid}


async def test_a_role_the_administrator_did_not_list_cannot_be_treated(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    pid = await stage.leak(role="billing")
    subject = examples.target(role="billing")
    async with opened(postgres_server.medic_dsn) as database:
        assert not (await database.read_database(examples.look(subject))).server.can_terminate
        with pytest.raises(SourceRefused, match="application_role"):
            await terminate(database, subject, [pid])
    assert await stage.alive() == {pid}


async def test_execution_denied_is_seen_before_and_during(
    postgres_server: Postgres, stage: RealDatabase, admin: Connection
) -> None:
    pid = await stage.leak()
    signature = await admin.fetchval("SELECT 'poolmedic.terminate_session'::regproc::oid::regprocedure::text")
    await admin.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM poolmedic")
    try:
        async with opened(postgres_server.medic_dsn) as database:
            reading = await database.read_database(examples.look(stage.target))
            assert not reading.server.can_terminate
            with pytest.raises(SourceRefused):
                await terminate(database, stage.target, [pid])
    finally:
        await admin.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO poolmedic")
    assert await stage.alive() == {pid}


async def test_an_answer_that_is_lost_makes_the_outcome_unknown_and_a_second_run_touches_nothing(
    postgres_server: Postgres, stage: RealDatabase
) -> None:
    pids = [await stage.leak(), await stage.leak()]
    where = urlsplit(postgres_server.medic_dsn)
    async with CuttingProxy.before(where.hostname or "", where.port or 0, b"terminate_session(") as proxy:
        through = postgres_server.medic_dsn.replace(f":{where.port}/", f":{proxy.port}/")
        async with opened(through) as database:
            outcome = await terminate(database, stage.target, pids)
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert [touched.result for touched in outcome.touched] == [
        "asked to end; no answer heard",
        "not reached yet, or not heard of any more",
    ]
    assert await stage.alive() == {pids[1]}
    assert stage.ended() == [pids[0]]


async def test_applying_the_rights_again_leaves_the_warm_connection_in_order(
    postgres_server: Postgres, stage: RealDatabase, admin: Connection
) -> None:
    async with opened(postgres_server.medic_dsn) as database:
        assert (await terminate(database, stage.target, [await stage.leak()])).status is OutcomeStatus.DONE
        await admin.execute(postgres_roles.SCRIPT.read_text())
        assert (await terminate(database, stage.target, [await stage.leak()])).status is OutcomeStatus.DONE
