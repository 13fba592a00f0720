"""Who has the connections of a real server: everybody's, by group, and bounded."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from activities import warm_connection
from activities.crowd import MOST_GROUPS
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import RealDatabase
from workflows.models.evidence import Crowd
from workflows.models.reading import Known, Unavailable


@pytest.fixture
async def real(postgres_server: Postgres) -> AsyncIterator[RealDatabase]:
    async with AsyncExitStack() as stack:
        yield RealDatabase(postgres_server, stack)


async def read(stage: RealDatabase) -> tuple[Crowd, ...]:
    found = (await stage.port.read_database(examples.look(stage.target))).crowd
    assert isinstance(found, Known), found
    return found.value


async def test_everybodys_sessions_are_counted_by_role_application_and_state(real: RealDatabase) -> None:
    for _ in range(3):
        await real.leak(application="nightly")
    await real.leak(role="billing", database="postgres")
    found = await read(real)
    (nightly,) = [group for group in found if group.application == "nightly"]
    assert (nightly.sessions, nightly.state) == (3, "idle in transaction")
    assert nightly.oldest_seconds is not None
    assert 0 <= nightly.oldest_seconds < 60
    (billing,) = [group for group in found if group.role == "billing"]
    assert billing.sessions == 1
    assert all(one.sessions >= other.sessions for one, other in pairwise(found))


async def test_more_groups_than_a_few_are_cut(real: RealDatabase) -> None:
    for number in range(MOST_GROUPS + 2):
        await real.leak(application=f"job-{number}")
    assert len(await read(real)) == MOST_GROUPS


async def test_a_crowd_that_cannot_be_counted_costs_nothing_of_the_pressure(
    real: RealDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(warm_connection.SQL, "crowd", "SELECT 1 / 0 AS sessions LIMIT $1::bigint")
    reading = await real.port.read_database(examples.look(real.target))
    assert isinstance(reading.pressure, Known)
    assert isinstance(reading.crowd, Unavailable)
    assert "who has the server's connections" in reading.crowd.reason
