"""The contract of the port Database, on the fake and on the real server."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeDatabaseStage
from workflows.errors import PoolmedicError, PreconditionGone, SourceRefused, SourceUnavailable
from workflows.models.evidence import DatabaseReading
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.plan import Termination
from workflows.models.policy import Limits
from workflows.models.session import SessionIdentity
from workflows.ports.requests import TerminateRequest


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, postgres_server: Postgres) -> AsyncIterator[DatabaseStage]:
    async with AsyncExitStack() as stack:
        yield FakeDatabaseStage() if request.param == "fake" else RealDatabase(postgres_server, stack)


async def read(stage: DatabaseStage) -> DatabaseReading:
    return await stage.port.read_database(examples.look(stage.target))


async def identities(stage: DatabaseStage, pids: Iterable[int]) -> tuple[SessionIdentity, ...]:
    seen = {session.identity.pid: session.identity for session in (await read(stage)).sessions}
    return tuple(seen[pid] for pid in pids)


async def terminate(
    stage: DatabaseStage, sessions: Iterable[SessionIdentity], limits: Limits | None = None
) -> Outcome:
    request = TerminateRequest(target=stage.target, act=Termination(sessions=tuple(sessions)), limits=limits)
    return await examples.environment().run(stage.port.terminate_sessions, request)


async def test_lists_the_targets_own_sessions_with_state_and_age(stage: DatabaseStage) -> None:
    first, second, idle = await stage.leak(), await stage.leak(), await stage.idle()
    reading = await read(stage)
    assert [session.identity.pid for session in reading.sessions] == [first, second, idle]
    assert [session.identity.state for session in reading.sessions] == [*["idle in transaction"] * 2, "idle"]
    assert reading.sessions_total == 3
    leaked, plain = reading.sessions[0], reading.sessions[2]
    assert 0 <= leaked.state_seconds < 30
    assert leaked.xact_seconds is not None
    assert plain.xact_seconds is None
    assert leaked.identity.application_name == examples.APPLICATION


async def test_whoever_rests_is_listed_last_and_cut_first(stage: DatabaseStage) -> None:
    resting, leaked = await stage.idle(), await stage.leak()
    assert [session.identity.pid for session in (await read(stage)).sessions] == [leaked, resting]


async def test_an_advisory_lock_is_seen_on_whoever_holds_it(stage: DatabaseStage) -> None:
    plain, holder, resting, free = [await each() for each in (stage.leak, stage.leak, stage.idle, stage.idle)]
    await stage.lock(holder)
    await stage.lock(resting)
    seen = {session.identity.pid: session for session in (await read(stage)).sessions}
    assert {pid: session.holds_advisory_lock for pid, session in seen.items()} == {
        plain: False,
        holder: True,
        resting: True,
        free: False,
    }
    assert {pid for pid, session in seen.items() if session.loses_something} == {holder, resting}


async def test_sessions_of_others_are_counted_and_never_listed(stage: DatabaseStage) -> None:
    own = await stage.leak()
    first = await read(stage)
    await stage.leak(role="billing")
    await stage.leak(application="migrate")
    await stage.leak(database="postgres")
    reading = await read(stage)
    assert [session.identity.pid for session in reading.sessions] == [own]
    assert reading.foreign == first.foreign + 3
    assert reading.foreign_of_role == first.foreign_of_role + 2
    assert reading.server.connections >= 4


@pytest.mark.parametrize(("role", "database"), [(None, None), (0, None), (None, 40), (7, 30)])
async def test_the_limits_of_role_and_database_are_read(
    stage: DatabaseStage, role: int | None, database: int | None
) -> None:
    await stage.limit(role=role, database=database)
    server = (await read(stage)).server
    assert (server.role_limit, server.database_limit) == (role, database)


async def test_a_server_that_is_gone_is_unavailable(stage: DatabaseStage) -> None:
    await stage.disappear()
    with pytest.raises(SourceUnavailable):
        await read(stage)


async def test_ends_exactly_the_named_sessions(stage: DatabaseStage) -> None:
    leaked = [await stage.leak() for _ in range(3)]
    decoys = [
        await stage.leak(),
        await stage.idle(),
        await stage.leak(role="billing"),
        await stage.leak(application="migrate"),
        await stage.leak(database="postgres"),
    ]
    outcome = await terminate(stage, await identities(stage, leaked))
    assert outcome.status is OutcomeStatus.DONE
    assert [touched.changed for touched in outcome.touched] == [True] * 3
    assert sorted(stage.ended()) == sorted(leaked)
    assert await stage.alive() == set(decoys)


async def test_running_the_same_request_again_touches_nothing(stage: DatabaseStage) -> None:
    leaked = await identities(stage, [await stage.leak(), await stage.leak()])
    await terminate(stage, leaked)
    again = await terminate(stage, leaked)
    assert again.status is OutcomeStatus.NOTHING
    assert not any(touched.changed for touched in again.touched)
    assert sorted(stage.ended()) == sorted(session.pid for session in leaked)


async def test_a_session_that_moved_on_is_left_alone(stage: DatabaseStage) -> None:
    busy, leaked = await stage.leak(), await stage.leak()
    sessions = await identities(stage, [busy, leaked])
    await stage.move_on(busy)
    outcome = await terminate(stage, sessions)
    assert outcome.status is OutcomeStatus.PARTLY
    assert {touched.what: touched.changed for touched in outcome.touched} == {
        str(sessions[0]): False,
        str(sessions[1]): True,
    }
    assert await stage.alive() == {busy}


@pytest.mark.parametrize(
    "difference",
    [
        {"backend_start": timedelta(seconds=-3)},
        {"xact_start": timedelta(microseconds=1)},
        {"state": "idle"},
    ],
    ids=lambda difference: next(iter(difference)),
)
async def test_the_same_pid_of_another_session_is_left_alone(
    stage: DatabaseStage, difference: dict[str, Any]
) -> None:
    pid = await stage.leak()
    (seen,) = await identities(stage, [pid])
    other = {
        name: getattr(seen, name) + value if isinstance(value, timedelta) else value
        for name, value in difference.items()
    }
    outcome = await terminate(stage, [seen.model_copy(update=other)])
    assert outcome.status is OutcomeStatus.NOTHING
    assert stage.ended() == []
    assert await stage.alive() == {pid}


@pytest.mark.parametrize(
    "foreign", [{"usename": "billing"}, {"datname": "postgres"}, {"application_name": "migrate"}]
)
async def test_a_request_with_a_foreign_session_is_refused_as_a_whole(
    stage: DatabaseStage, foreign: dict[str, str]
) -> None:
    own, other = await identities(stage, [await stage.leak(), await stage.leak()])
    with pytest.raises(SourceRefused, match="nothing was touched"):
        await terminate(stage, [own, other.model_copy(update=foreign)])
    assert stage.ended() == []


async def test_behind_a_transaction_pooler_nothing_is_touched(stage: DatabaseStage) -> None:
    sessions = await identities(stage, [await stage.leak()])
    database = stage.target.database.model_copy(update={"transaction_pooler": True})
    request = TerminateRequest(
        target=stage.target.model_copy(update={"database": database}), act=Termination(sessions=sessions)
    )
    with pytest.raises(SourceRefused, match="nothing was touched"):
        await examples.environment().run(stage.port.terminate_sessions, request)
    assert stage.ended() == []


async def test_limits_are_held_against_the_sessions_of_now(stage: DatabaseStage) -> None:
    sessions = await identities(stage, [await stage.leak() for _ in range(4)])
    for limits in (Limits(sessions_per_act=2), Limits(share_of_sessions=0.5)):
        with pytest.raises(PreconditionGone):
            await terminate(stage, sessions[:3], limits)
        assert stage.ended() == []
    assert (await terminate(stage, sessions[:2], Limits(share_of_sessions=0.5))).status is OutcomeStatus.DONE


async def test_an_empty_wave_does_nothing(stage: DatabaseStage) -> None:
    await stage.leak()
    assert (await terminate(stage, [])).status is OutcomeStatus.NOTHING
    assert stage.ended() == []


async def test_an_act_on_a_server_that_is_gone_is_told(stage: DatabaseStage) -> None:
    sessions = await identities(stage, [await stage.leak()])
    await stage.disappear()
    with pytest.raises(PoolmedicError):
        await terminate(stage, sessions)
    assert stage.ended() == []


async def test_heartbeats_name_every_session_from_the_first_on(stage: DatabaseStage) -> None:
    sessions = await identities(stage, [await stage.leak(), await stage.leak()])
    heard: list[tuple[Touched, ...]] = []
    environment = examples.environment()
    environment.on_heartbeat = lambda *details: heard.append(*details)
    request = TerminateRequest(target=stage.target, act=Termination(sessions=sessions))
    outcome = await environment.run(stage.port.terminate_sessions, request)
    assert [touched.what for touched in heard[0]] == [str(session) for session in sessions]
    assert not any(touched.changed for touched in heard[0])
    assert heard[-1] == outcome.touched
