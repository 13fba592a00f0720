"""Acts on sessions that are given up, on the fake and on the real server: nothing is touched any more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeDatabaseStage
from tests.ports.test_database import identities
from tests.ports.test_slow_queries import running
from workflows.models.outcome import Outcome, Touched
from workflows.models.plan import Cancellation, SessionTimeout, Termination
from workflows.models.session import SessionIdentity
from workflows.ports.requests import ActRequest, CancelRequest, TerminateRequest, TimeoutRequest


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, postgres_server: Postgres) -> AsyncIterator[DatabaseStage]:
    async with AsyncExitStack() as stack:
        yield FakeDatabaseStage() if request.param == "fake" else RealDatabase(postgres_server, stack)


def know_it() -> None:
    """It is known that the act is given up, and no wait was interrupted for it yet."""
    activity._Context.current().cancelled_event.set()


def end(stage: DatabaseStage, sessions: Iterable[SessionIdentity]) -> TerminateRequest:
    return TerminateRequest(target=stage.target, act=Termination(sessions=tuple(sessions)))


def limit(stage: DatabaseStage, sessions: Iterable[SessionIdentity]) -> TimeoutRequest:
    own = stage.target.database
    act = SessionTimeout(
        role=own.role,
        dbname=own.dbname,
        timeout=timedelta(minutes=1),
        before=None,
        sessions=tuple(sessions),
    )
    return TimeoutRequest(target=stage.target, act=act)


class Hearing:
    """An act in an environment of its own, and what its heartbeats said."""

    def __init__(self, then: Callable[[ActivityEnvironment], None] = lambda _environment: None) -> None:
        self.heard: list[tuple[Touched, ...]] = []
        self._then = then
        self.environment = examples.environment()
        self.environment.on_heartbeat = self._hear

    def _hear(self, touched: tuple[Touched, ...]) -> None:
        self.heard.append(touched)
        if any(each.changed for each in touched):
            self._then(self.environment)

    async def stops(self, act: Callable[[Any], Awaitable[Outcome]], request: ActRequest) -> None:
        with pytest.raises(asyncio.CancelledError):
            await self.environment.run(act, request)


@pytest.mark.parametrize("then", [ActivityEnvironment.cancel, lambda _environment: know_it()])
async def test_one_that_is_given_up_in_mid_wave_ends_nothing_more_and_has_said_what_it_ended(
    stage: DatabaseStage, then: Callable[[ActivityEnvironment], None]
) -> None:
    sessions = await identities(stage, [await stage.leak() for _ in range(3)])
    hearing = Hearing(then)

    await hearing.stops(stage.port.terminate_sessions, end(stage, sessions))

    assert [each.changed for each in hearing.heard[-1]] == [True, False, False]
    assert stage.ended() == [sessions[0].pid]
    assert {each.pid for each in sessions[1:]} <= await stage.alive()


async def test_one_that_is_given_up_among_statements_cancels_nothing_more(stage: DatabaseStage) -> None:
    pids = [await stage.run() for _ in range(3)]
    found = await running(stage)
    act = Cancellation(statements=tuple(found[pid][0] for pid in pids), query_id=4712)
    hearing = Hearing(lambda _environment: know_it())

    await hearing.stops(stage.port.cancel_queries, CancelRequest(target=stage.target, act=act))

    assert [each.changed for each in hearing.heard[-1]] == [True, False, False]
    assert stage.cancelled() == [pids[0]]


async def test_one_that_is_given_up_before_it_begins_touches_nothing_and_says_nothing(
    stage: DatabaseStage,
) -> None:
    sessions = await identities(stage, [await stage.leak()])

    async def terminate(request: TerminateRequest) -> Outcome:
        know_it()
        return await stage.port.terminate_sessions(request)

    async def set_timeout(request: TimeoutRequest) -> Outcome:
        know_it()
        return await stage.port.set_session_timeout(request)

    hearing = Hearing()
    await hearing.stops(terminate, end(stage, sessions))
    await hearing.stops(set_timeout, limit(stage, sessions))

    assert hearing.heard == []
    assert stage.ended() == []
    reading = await stage.port.read_database(examples.look(stage.target))
    assert reading.server.session_timeout is None
