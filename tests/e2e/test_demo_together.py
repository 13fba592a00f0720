"""The drills of two faults at once: first what holds most of the connections, then a new look."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from deploy.demo import judge
from deploy.demo import scenario as scenarios
from tests.e2e.drill_stand import QUICK, Stand, open_stand
from tests.e2e.recording import alone
from workflows.models.diagnosis import Cause
from workflows.models.policy import Option


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("together"), scenarios.LEAK_IN_SPIKE, QUICK) as opened:
        yield opened


async def test_left_alone_both_stay(stand: Stand) -> None:
    """First of all: Prometheus knows no other traffic yet than this drill's."""
    async with alone(stand, scenarios.LEAK_IN_SPIKE) as ended:
        assert ended.unmet == []
        assert "forgotten and" in await scenarios.LEAK_IN_SPIKE.fault.remains(ended.drill.ground)


async def test_a_leak_in_a_spike(stand: Stand) -> None:
    ended = await stand.run(scenarios.LEAK_IN_SPIKE)
    assert ended.unmet == []
    first, second = ended.report.attempts
    assert (first.proposal.act.option, first.proposal.cause) == (Option.TERMINATE, Cause.LEAK)
    assert (second.proposal.act.option, second.proposal.cause) == (Option.RESIZE, Cause.SPIKE)
    assert (first.decided_by, second.decided_by) == ("poolmedic", "dba-on-call")
    only_one = dataclasses.replace(scenarios.LEAK_IN_SPIKE, then=())
    checks = await judge.judge(dataclasses.replace(ended.drill, scenario=only_one))
    assert "The report says the same" in {check.what for check in checks if not check.holds}
