"""The contract of cancelling statements, on the fake and on the real server."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeDatabaseStage
from workflows.blocking import queue_in, statement_of
from workflows.errors import PoolmedicError, PreconditionGone, SourceRefused
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.plan import Cancellation
from workflows.models.policy import Limits
from workflows.models.session import StatementIdentity
from workflows.ports.requests import CancelRequest


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, postgres_server: Postgres) -> AsyncIterator[DatabaseStage]:
    async with AsyncExitStack() as stack:
        yield FakeDatabaseStage() if request.param == "fake" else RealDatabase(postgres_server, stack)


async def changes(stage: DatabaseStage) -> dict[int, StatementIdentity]:
    """The waiting changes of the table, as the reading identifies them."""
    reading = await stage.port.read_database(examples.look(stage.target))
    queue = queue_in(reading, stage.target)
    found = {pid: statement_of(queue.blockers[pid]) for pid in queue.changes}
    return {pid: each for pid, each in found.items() if each is not None}


def request(
    stage: DatabaseStage, statements: Iterable[StatementIdentity], limits: Limits | None = None
) -> CancelRequest:
    return CancelRequest(target=stage.target, act=Cancellation(statements=tuple(statements)), limits=limits)


async def cancel(
    stage: DatabaseStage, statements: Iterable[StatementIdentity], limits: Limits | None = None
) -> Outcome:
    return await examples.environment().run(stage.port.cancel_queries, request(stage, statements, limits))


async def blocked_readers(stage: DatabaseStage) -> tuple[int, int, list[int]]:
    """A reader, a change of the table that waits for it, and readers that wait for the change."""
    reader = await stage.read_table(application="nightly")
    change = await stage.change_table(reader)
    return reader, change, [await stage.read_table(behind=change) for _ in range(2)]


async def test_cancels_exactly_the_named_statement_and_leaves_every_session(stage: DatabaseStage) -> None:
    reader, change, waiters = await blocked_readers(stage)
    (statement,) = (await changes(stage)).values()
    assert statement.pid == change

    outcome = await cancel(stage, [statement])

    assert outcome.status is OutcomeStatus.DONE
    assert outcome.detail == "1 of 1 statements cancelled"
    assert [(touched.changed, touched.result) for touched in outcome.touched] == [(True, "cancelled")]
    assert stage.cancelled() == [change]
    assert stage.ended() == []
    assert await stage.alive() == {reader, change, *waiters}
    assert await changes(stage) == {}


async def test_what_still_waits_is_cancelled_where_only_that_was_meant(stage: DatabaseStage) -> None:
    _, change, _ = await blocked_readers(stage)
    act = Cancellation(statements=tuple((await changes(stage)).values()), waiting_only=True)

    asked = CancelRequest(target=stage.target, act=act)
    outcome = await examples.environment().run(stage.port.cancel_queries, asked)

    assert outcome.status is OutcomeStatus.DONE
    assert stage.cancelled() == [change]


async def test_running_the_same_request_again_touches_nothing(stage: DatabaseStage) -> None:
    await blocked_readers(stage)
    statements = (await changes(stage)).values()
    await cancel(stage, statements)

    again = await cancel(stage, statements)

    assert again.status is OutcomeStatus.NOTHING
    assert not any(touched.changed for touched in again.touched)
    assert len(stage.cancelled()) == 1


@pytest.mark.parametrize(
    "difference",
    [
        {"query_start": timedelta(microseconds=1)},
        {"backend_start": timedelta(seconds=-3)},
        {"state_change": timedelta(microseconds=-1)},
        {"xact_start": timedelta(microseconds=1)},
        {"application_name": "nightly"},
        {"state": "idle in transaction"},
    ],
    ids=lambda difference: next(iter(difference)),
)
async def test_another_statement_of_the_same_pid_is_left_alone(
    stage: DatabaseStage, difference: dict[str, Any]
) -> None:
    await blocked_readers(stage)
    (seen,) = (await changes(stage)).values()
    other = {
        name: getattr(seen, name) + value if isinstance(value, timedelta) else value
        for name, value in difference.items()
    }

    outcome = await cancel(stage, [seen.model_copy(update=other)])

    assert outcome.status is OutcomeStatus.NOTHING
    assert stage.cancelled() == []
    assert len(await changes(stage)) == 1


@pytest.mark.parametrize("foreign", [{"usename": "billing"}, {"datname": "postgres"}])
async def test_a_request_with_a_foreign_statement_is_refused_as_a_whole(
    stage: DatabaseStage, foreign: dict[str, str]
) -> None:
    await blocked_readers(stage)
    (own,) = (await changes(stage)).values()

    with pytest.raises(SourceRefused, match="nothing was touched"):
        await cancel(stage, [own, own.model_copy(update=foreign)])

    assert stage.cancelled() == []


async def test_limits_are_held(stage: DatabaseStage) -> None:
    reader = await stage.read_table(application="nightly")
    first = await stage.change_table(reader)
    await stage.change_table(reader, first)
    await stage.read_table(behind=first)
    statements = (await changes(stage)).values()

    with pytest.raises(PreconditionGone):
        await cancel(stage, statements, Limits(sessions_per_act=1))

    assert stage.cancelled() == []


async def test_an_empty_request_does_nothing(stage: DatabaseStage) -> None:
    assert (await cancel(stage, [])).status is OutcomeStatus.NOTHING


async def test_a_cancel_on_a_server_that_is_gone_is_told(stage: DatabaseStage) -> None:
    await blocked_readers(stage)
    statements = (await changes(stage)).values()
    await stage.disappear()

    with pytest.raises(PoolmedicError):
        await cancel(stage, statements)

    assert stage.cancelled() == []


async def test_heartbeats_name_every_statement_from_the_first_on(stage: DatabaseStage) -> None:
    await blocked_readers(stage)
    statements = tuple((await changes(stage)).values())
    heard: list[tuple[Touched, ...]] = []
    environment = examples.environment()
    environment.on_heartbeat = lambda *details: heard.append(*details)

    outcome = await environment.run(stage.port.cancel_queries, request(stage, statements))

    assert [touched.what for touched in heard[0]] == [str(statement) for statement in statements]
    assert not any(touched.changed for touched in heard[0])
    assert heard[-1] == outcome.touched
