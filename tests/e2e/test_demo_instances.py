"""The drill of three instances of one application, with one name on the server, of which one leaks."""

from collections.abc import AsyncIterator

import pytest

from deploy.demo import scenario as scenarios
from tests.e2e.drill_stand import QUICK, Stand, left_alone, open_stand
from workflows.models.plan import Termination

INSTANCES = scenarios.INSTANCES


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("instances"), INSTANCES, QUICK) as opened:
        yield opened


async def test_left_alone_the_one_stays_exhausted_and_the_others_go_on(stand: Stand) -> None:
    ended = await stand.run(left_alone(INSTANCES))
    assert ended.unmet == []


async def test_instances(stand: Stand) -> None:
    ended = await stand.run(INSTANCES)
    assert ended.unmet == []
    (attempt,) = ended.report.attempts
    act = attempt.proposal.act
    assert isinstance(act, Termination)
    assert {each.pid for each in act.sessions} == {each.pid for each in ended.drill.culprits}
    # No average hides an instance: the verdict was over each of them.
    measured = {each.name: each.measured for each in ended.report.verdicts[-1].criteria}
    assert all(name in measured["pool utilization"] for name in INSTANCES.instances)
