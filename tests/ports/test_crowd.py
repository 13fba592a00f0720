"""Who has the connections of a real server: everybody's, by group, and bounded."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest

from activities.crowd import MOST_GROUPS
from deploy.local.postgres import Postgres
from tests.ports import examples
from tests.ports.database_stage import RealDatabase
from workflows.models.evidence import Crowd
from workflows.models.reading import Known


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
