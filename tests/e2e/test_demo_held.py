"""The drills of held connections: forgotten outside a transaction, or by whoever waits for something else."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from deploy.demo import judge, witness
from deploy.demo import scenario as scenarios
from deploy.demo.drill import Drill
from deploy.demo.held import IdleLeak
from tests.e2e.drill_stand import LEAKED, QUICK, Stand, left_alone, open_stand
from tests.e2e.recording import alone
from workflows.models.policy import Option

TIMES = QUICK.model_copy(update=scenarios.HOLD.times)
IDLE_LEAK = dataclasses.replace(scenarios.IDLE_LEAK, pool_size=LEAKED, fault=IdleLeak(LEAKED))
HOLD = dataclasses.replace(scenarios.HOLD, pool_size=LEAKED)
DEGRADED = dataclasses.replace(scenarios.DEGRADED, pool_size=LEAKED)


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("held"), IDLE_LEAK, TIMES) as opened:
        yield opened


async def missed(drill: Drill) -> set[str]:
    """What the judge does not find as it must be."""
    return {check.what for check in await judge.judge(drill) if not check.holds}


async def test_an_idle_leak_left_alone_stays_and_the_judge_tells(stand: Stand) -> None:
    async with alone(stand, IDLE_LEAK) as ended:
        assert ended.unmet == []
        healed = dataclasses.replace(ended.drill, scenario=dataclasses.replace(IDLE_LEAK, advice=()))
        assert await missed(healed) >= {
            "The container was restarted, once",
            "The pool is free",
            "The report says the same",
        }


async def test_idle_leak(stand: Stand) -> None:
    ended = await stand.run(IDLE_LEAK)
    assert ended.unmet == []
    (attempt,) = ended.report.attempts
    assert (attempt.proposal.act.option, attempt.decided_by) == (Option.RESTART, "poolmedic")
    assert witness.ended_since(stand.stage, ended.drill.fault_at) == []
    alone = dataclasses.replace(ended.drill, scenario=left_alone(IDLE_LEAK))
    assert await missed(alone) >= {"The container was not restarted", "Left alone, the pool stays exhausted"}


async def test_hold(stand: Stand) -> None:
    ended = await stand.run(HOLD)
    assert ended.unmet == []
    assert ended.report.attempts == ()
    otherwise = dataclasses.replace(HOLD, told=("what no page says",))
    found = await missed(dataclasses.replace(ended.drill, scenario=otherwise))
    assert "The database team reads what the matter is" in found


async def test_a_hold_left_alone_stays_and_nothing_is_touched(stand: Stand) -> None:
    async with alone(stand, HOLD) as ended:
        await stand.stage.application.quick_partner()
        assert ended.unmet == []


async def test_a_degraded_database_left_alone_stays(stand: Stand) -> None:
    async with alone(stand, DEGRADED) as ended:
        assert ended.unmet == []
        await DEGRADED.fault.relent(ended.drill.ground)


async def test_degraded(stand: Stand) -> None:
    ended = await stand.run(DEGRADED)
    assert ended.unmet == []
    assert ended.report.attempts == ()
    assert witness.ended_since(stand.stage, ended.drill.fault_at) == []
