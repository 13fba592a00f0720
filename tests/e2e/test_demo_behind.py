"""The drill of a slow query behind a lock: the queue hides it, and is healed first."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from deploy.demo import scenario as scenarios
from tests.e2e.drill_stand import QUICK, Stand, open_stand
from tests.e2e.recording import alone
from workflows.models.diagnosis import Cause
from workflows.models.policy import Option

SCENARIO = scenarios.SLOW_BEHIND_LOCK


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("behind"), SCENARIO, QUICK) as opened:
        yield opened


async def test_a_slow_query_behind_a_lock(stand: Stand) -> None:
    ended = await stand.run(SCENARIO)

    assert ended.unmet_but_late == []
    done = [(each.proposal.cause, each.proposal.act.option) for each in ended.report.attempts]
    assert done[0] == (Cause.LOCK, Option.TERMINATE)
    assert set(done[1:]) == {(Cause.SLOW, Option.CANCEL), (Cause.SLOW, Option.INDEX)}


async def test_left_alone_neither_ends_and_nothing_is_touched(stand: Stand) -> None:
    async with alone(stand, dataclasses.replace(SCENARIO, told=())) as ended:
        assert ended.unmet_but_late == []
        assert ended.report.attempts == ()
