"""The contract of a role's timeout, on the fake and on the real server, and what only the real one shows."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from deploy.local.postgres_roles import SCRIPT, TIMEOUT_SCRIPT, connected
from tests.ports import examples
from tests.ports.cutting_proxy import CuttingProxy
from tests.ports.database_stage import Connection, DatabaseStage, RealDatabase
from tests.ports.fake_stages import FakeDatabaseStage
from tests.ports.medic import opened
from workflows.errors import PoolmedicError, PreconditionGone, SourceRefused
from workflows.models.evidence import ServerReading
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import SessionTimeout
from workflows.models.policy import Limits
from workflows.models.session import SessionIdentity
from workflows.ports.requests import TimeoutRequest

MINUTE = timedelta(minutes=1)
SHOWN = "SHOW idle_in_transaction_session_timeout"


@pytest.fixture(params=["fake", "real"])
async def stage(request: pytest.FixtureRequest, postgres_server: Postgres) -> AsyncIterator[DatabaseStage]:
    async with AsyncExitStack() as stack:
        opened_stage = (
            FakeDatabaseStage() if request.param == "fake" else RealDatabase(postgres_server, stack)
        )
        await opened_stage.set_timeout(None)
        yield opened_stage


@pytest.fixture
async def real(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        opened_stage = RealDatabase(postgres_server, stack)
        await opened_stage.set_timeout(None)
        yield opened_stage


async def server(stage: DatabaseStage) -> ServerReading:
    return (await stage.port.read_database(examples.look(stage.target))).server


async def identities(stage: DatabaseStage, pids: Iterable[int]) -> tuple[SessionIdentity, ...]:
    found = (await stage.port.read_database(examples.look(stage.target))).sessions
    seen = {session.identity.pid: session.identity for session in found}
    return tuple(seen[pid] for pid in pids)


def request(
    stage: DatabaseStage,
    sessions: tuple[SessionIdentity, ...],
    limits: Limits | None = None,
    **changes: Any,
) -> TimeoutRequest:
    own = stage.target.database
    fields = {
        "role": own.role,
        "dbname": own.dbname,
        "timeout": MINUTE,
        "before": None,
        "sessions": sessions,
        **changes,
    }
    return TimeoutRequest(target=stage.target, act=SessionTimeout.model_validate(fields), limits=limits)


async def called(postgres_server: Postgres, role: str, setting: int) -> object:
    """What the server's own function answers our login."""
    medic = await asyncpg.connect(postgres_server.medic_dsn)
    try:
        async with medic.transaction():
            await medic.execute("SET TRANSACTION READ WRITE")
            call = "SELECT poolmedic.set_session_timeout($1, $2, NULL)"
            return await medic.fetchval(call, role, setting)
    finally:
        await medic.close()


async def set_timeout(stage: DatabaseStage, asked: TimeoutRequest) -> Outcome:
    return await examples.environment().run(stage.port.set_session_timeout, asked)


async def test_sets_it_and_ends_the_sessions_that_began_without_it(stage: DatabaseStage) -> None:
    assert (await server(stage)).can_set_timeout
    assert (await server(stage)).session_timeout is None
    first, second, spared = [await stage.leak() for _ in range(3)]

    outcome = await set_timeout(stage, request(stage, await identities(stage, [first, second])))

    assert outcome.status is OutcomeStatus.DONE
    assert [touched.changed for touched in outcome.touched] == [True, True, True]
    assert outcome.touched[0].what == "role covetpy in covetpy"
    assert (await server(stage)).session_timeout == "60000ms"
    assert sorted(stage.ended()) == sorted([first, second])
    assert spared in await stage.alive()


async def test_what_was_set_before_is_replaced_only_if_it_is_what_was_seen(stage: DatabaseStage) -> None:
    await stage.set_timeout("300000ms")
    sessions = await identities(stage, [await stage.leak()])
    with pytest.raises(PreconditionGone, match="nothing was touched"):
        await set_timeout(stage, request(stage, sessions, before="5s"))
    assert (await server(stage)).session_timeout == "300000ms"
    assert stage.ended() == []

    outcome = await set_timeout(stage, request(stage, sessions, before="300000ms"))
    assert outcome.status is OutcomeStatus.DONE
    assert (await server(stage)).session_timeout == "60000ms"


async def test_a_session_that_moved_on_is_left_alone_and_the_setting_stays(stage: DatabaseStage) -> None:
    pid = await stage.leak()
    sessions = await identities(stage, [pid])
    await stage.move_on(pid)
    outcome = await set_timeout(stage, request(stage, sessions))
    assert outcome.status is OutcomeStatus.PARTLY
    assert [touched.changed for touched in outcome.touched] == [True, False]
    assert (await server(stage)).session_timeout == "60000ms"
    assert pid in await stage.alive()


@pytest.mark.parametrize("changes", [{"role": "billing"}, {"dbname": "postgres"}])
async def test_nobody_elses_role_or_database_is_touched(
    stage: DatabaseStage, changes: dict[str, Any]
) -> None:
    sessions = await identities(stage, [await stage.leak()])
    with pytest.raises(SourceRefused, match="nothing was touched"):
        await set_timeout(stage, request(stage, sessions, **changes))
    assert (await server(stage)).session_timeout is None
    assert stage.ended() == []


async def test_more_sessions_than_allowed_touch_nothing(stage: DatabaseStage) -> None:
    sessions = await identities(stage, [await stage.leak(), await stage.leak()])
    with pytest.raises(PreconditionGone, match="more than the 1 that may end at once"):
        await set_timeout(stage, request(stage, sessions, Limits(sessions_per_act=1)))
    assert (await server(stage)).session_timeout is None


async def test_an_unreachable_server_is_an_error(stage: DatabaseStage) -> None:
    sessions = await identities(stage, [await stage.leak()])
    await stage.disappear()
    with pytest.raises(PoolmedicError):
        await set_timeout(stage, request(stage, sessions))


async def test_new_sessions_have_it_and_strangers_do_not(
    real: RealDatabase, postgres_server: Postgres
) -> None:
    sessions = await identities(real, [await real.leak()])
    await set_timeout(real, request(real, sessions))
    shown = {}
    for role in ("covetpy", "billing"):
        connection = await asyncpg.connect(postgres_server.dsn(role))
        shown[role] = await connection.fetchval(SHOWN)
        await connection.close()
    assert shown == {"covetpy": "1min", "billing": "0"}


async def test_without_the_grant_of_the_role_it_is_seen_before_and_during(
    real: RealDatabase, admin: Connection
) -> None:
    sessions = await identities(real, [await real.leak()])
    await admin.execute("REVOKE covetpy FROM poolmedic_configurer")
    try:
        assert not (await server(real)).can_set_timeout
        with pytest.raises(SourceRefused, match="grant the role to poolmedic_configurer"):
            await set_timeout(real, request(real, sessions))
    finally:
        await admin.execute("GRANT covetpy TO poolmedic_configurer WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    assert real.ended() == []


@pytest.mark.parametrize(
    ("role", "setting"),
    [("billing", 60_000), ("postgres", 60_000), ("poolmedic", 60_000), ("covetpy", 9_999), ("covetpy", 0)],
)
async def test_the_function_itself_does_nothing_else(
    real: RealDatabase, postgres_server: Postgres, admin: Connection, role: str, setting: int
) -> None:
    before = await admin.fetch("SELECT * FROM pg_db_role_setting")
    assert await called(postgres_server, role, setting) is False
    assert await admin.fetch("SELECT * FROM pg_db_role_setting") == before
    assert (await server(real)).session_timeout is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "DELETE FROM poolmedic.application_role WHERE role = 'covetpy'",
            "INSERT INTO poolmedic.application_role VALUES ('covetpy')",
        ),
        ("ALTER ROLE covetpy REPLICATION", "ALTER ROLE covetpy NOREPLICATION"),
        ("ALTER ROLE covetpy SUPERUSER", "ALTER ROLE covetpy NOSUPERUSER"),
    ],
    ids=["not listed", "replication", "superuser"],
)
async def test_a_role_that_is_not_listed_or_is_a_great_one_is_left_alone_though_it_was_granted(
    real: RealDatabase, postgres_server: Postgres, admin: Connection, before: str, after: str
) -> None:
    await admin.execute(before)
    try:
        assert await called(postgres_server, "covetpy", 60_000) is False
    finally:
        await admin.execute(after)
    assert (await server(real)).session_timeout is None


async def test_an_administrator_takes_it_back(real: RealDatabase, postgres_server: Postgres) -> None:
    await set_timeout(real, request(real, await identities(real, [await real.leak()])))
    async with connected(postgres_server, "covetpy") as administrator:
        taken = await administrator.fetchval(
            "SELECT poolmedic.set_session_timeout('covetpy', NULL, '60000ms')"
        )
    assert taken is True
    assert (await server(real)).session_timeout is None


async def test_an_answer_that_is_lost_makes_the_outcome_unknown(
    real: RealDatabase, postgres_server: Postgres
) -> None:
    asked = request(real, await identities(real, [await real.leak()]))
    where = urlsplit(postgres_server.medic_dsn)
    async with CuttingProxy.before(where.hostname or "", where.port or 0, b"set_session_timeout(") as proxy:
        through = postgres_server.medic_dsn.replace(f":{where.port}/", f":{proxy.port}/")
        async with opened(through) as database:
            outcome = await examples.environment().run(database.set_session_timeout, asked)
    assert outcome.status is OutcomeStatus.UNKNOWN
    assert outcome.touched[0].result == "asked for; no answer heard"
    assert real.ended() == []


async def test_both_scripts_can_be_applied_again(real: RealDatabase, admin: Connection) -> None:
    for script in (SCRIPT, TIMEOUT_SCRIPT, SCRIPT):
        await admin.execute(script.read_text())
    assert (await server(real)).can_set_timeout


async def test_whoever_may_act_as_the_owner_of_the_function_is_refused(admin: Connection) -> None:
    await admin.execute("GRANT poolmedic_configurer TO billing")
    try:
        for script in (SCRIPT, TIMEOUT_SCRIPT):
            with pytest.raises(asyncpg.RaiseError, match="billing"):
                await admin.execute(script.read_text())
            await admin.execute("ROLLBACK")
    finally:
        await admin.execute("REVOKE poolmedic_configurer FROM billing")
