"""The contract of a slow query's statements, on the fake and on the real server: seen, cancelled, ended."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeDatabaseStage
from workflows.errors import PreconditionGone, SourceRefused
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Cancellation, Termination
from workflows.models.policy import Limits
from workflows.models.session import Session, StatementIdentity
from workflows.ownership import cancellable
from workflows.ports.requests import CancelRequest, TerminateRequest


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, postgres_server: Postgres) -> AsyncIterator[DatabaseStage]:
    async with AsyncExitStack() as stack:
        yield FakeDatabaseStage() if request.param == "fake" else RealDatabase(postgres_server, stack)


async def running(stage: DatabaseStage) -> dict[int, tuple[StatementIdentity, Session]]:
    """What the target's own sessions run, by pid."""
    reading = await stage.port.read_database(examples.look(stage.target))
    found = cancellable(reading.sessions, stage.target)
    return {statement.pid: (statement, session) for statement, session in found.items()}


async def cancel(
    stage: DatabaseStage, statements: Iterable[StatementIdentity], limits: Limits | None = None
) -> Outcome:
    act = Cancellation(statements=tuple(statements), query_id=4712)
    request = CancelRequest(target=stage.target, act=act, limits=limits)
    return await examples.environment().run(stage.port.cancel_queries, request)


async def end(stage: DatabaseStage, sessions: Iterable[Session]) -> Outcome:
    act = Termination(sessions=tuple(each.identity for each in sessions))
    request = TerminateRequest(target=stage.target, act=act)
    return await examples.environment().run(stage.port.terminate_sessions, request)


async def test_a_query_is_told_from_what_may_write(stage: DatabaseStage) -> None:
    reader, writer = await stage.run(), await stage.run(writes=True)

    found = await running(stage)

    assert {pid: session.reads_only for pid, (_, session) in found.items()} == {reader: True, writer: False}
    assert all(session.query_id is not None for _, session in found.values())


async def test_cancels_exactly_the_named_statements_and_leaves_every_session(stage: DatabaseStage) -> None:
    pids = [await stage.run() for _ in range(3)]
    other = await stage.run(application="nightly")
    found = await running(stage)
    assert set(found) == set(pids)

    outcome = await cancel(stage, [found[pid][0] for pid in pids[:2]])

    assert outcome.status is OutcomeStatus.DONE
    assert outcome.detail == "2 of 2 statements cancelled"
    assert sorted(stage.cancelled()) == sorted(pids[:2])
    assert stage.ended() == []
    assert await stage.alive() == {*pids, other}
    assert set(await running(stage)) == {pids[2]}


async def test_what_works_is_left_alone_where_only_waiting_ones_were_meant(stage: DatabaseStage) -> None:
    pid = await stage.run()
    act = Cancellation(statements=((await running(stage))[pid][0],), waiting_only=True)

    asked = CancelRequest(target=stage.target, act=act)
    outcome = await examples.environment().run(stage.port.cancel_queries, asked)

    assert outcome.status is OutcomeStatus.NOTHING
    assert stage.cancelled() == []


async def test_what_has_written_meanwhile_is_left_alone_where_only_readers_were_meant(
    postgres_server: Postgres,
) -> None:
    """A query by its looks, with a function that changes something: PostgreSQL tells only when it has."""
    async with AsyncExitStack() as stack:
        stage = RealDatabase(postgres_server, stack)
        pid = await stage.run_text("SELECT pg_current_xact_id(), pg_sleep(60)")
        statement, session = (await running(stage))[pid]
        assert session.has_written
        look = examples.environment()
        cancel_it = Cancellation(statements=(statement,), query_id=4712, readers_only=True)
        asked = CancelRequest(target=stage.target, act=cancel_it)
        cancelled = await look.run(stage.port.cancel_queries, asked)
        end_it = TerminateRequest(
            target=stage.target, act=Termination(sessions=(session.identity,), readers_only=True)
        )
        ended = await examples.environment().run(stage.port.terminate_sessions, end_it)

        assert {cancelled.status, ended.status} == {OutcomeStatus.NOTHING}
        assert "it has written meanwhile" in cancelled.touched[0].result
        assert "it has written meanwhile" in ended.touched[0].result
        assert pid in await stage.alive()


async def test_a_statement_of_another_application_is_refused_as_a_whole(stage: DatabaseStage) -> None:
    pid = await stage.run()
    statement = (await running(stage))[pid][0]

    with pytest.raises(SourceRefused, match="nothing was touched"):
        await cancel(stage, [statement, statement.model_copy(update={"application_name": "nightly"})])

    assert stage.cancelled() == []


async def test_the_limits_are_held(stage: DatabaseStage) -> None:
    pids = [await stage.run() for _ in range(3)]
    statements = [statement for statement, _ in (await running(stage)).values()]

    with pytest.raises(PreconditionGone):
        await cancel(stage, statements, Limits(sessions_per_act=2))
    with pytest.raises(PreconditionGone):
        await cancel(stage, statements, Limits(share_of_sessions=0.5))

    assert len(pids) == len(statements)
    assert stage.cancelled() == []


async def test_what_runs_on_after_a_cancel_is_ended_by_the_identity_of_its_session(
    stage: DatabaseStage,
) -> None:
    stubborn, reader = await stage.run(heeds=False), await stage.run()
    found = await running(stage)
    told = await cancel(stage, [found[stubborn][0]])
    assert told.touched[0].result == "told to stop"

    left = await running(stage)
    assert left[stubborn][0] == found[stubborn][0]
    outcome = await end(stage, [left[stubborn][1]])

    assert outcome.status is OutcomeStatus.DONE
    assert stage.ended() == [stubborn]
    assert await stage.alive() == {reader}


async def test_a_session_whose_statement_has_changed_is_not_ended(stage: DatabaseStage) -> None:
    pid = await stage.run()
    session = (await running(stage))[pid][1]
    later = session.identity.state_change + timedelta(microseconds=1)
    moved = session.model_copy(
        update={"identity": session.identity.model_copy(update={"state_change": later})}
    )

    outcome = await end(stage, [moved])

    assert outcome.status is OutcomeStatus.NOTHING
    assert stage.ended() == []
