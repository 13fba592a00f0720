"""The pause on the real stack: a leak that would be ended is left alone, and people are told."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from deploy.demo.person import text_of
from tests.e2e.drill_stand import LEAK, QUICK, Stand, left_alone, open_stand
from worker.databases import Databases
from workflows.models.page import Level
from workflows.models.permit import Order
from workflows.models.policy import Mode

WHO = Order(by="anna", why="a migration runs")
PAUSED = dataclasses.replace(
    left_alone(LEAK), mode=Mode.AUTO, calls=frozenset({Level.L1, Level.L2}), told=("a migration runs",)
)


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("paused"), LEAK, QUICK) as opened:
        yield opened


async def test_while_paused_nothing_is_touched_and_after_it_the_leak_is_ended(stand: Stand) -> None:
    async def pause(stand: Stand) -> None:
        (said,) = await databases(stand).pause(["main"], WHO)
        assert said.ledger is not None
        assert said.ledger.stops[0].by == "anna"

    ended = await stand.run(PAUSED, meanwhile=pause)

    assert ended.unmet_but_late == []
    assert ended.report.attempts == ()
    (page,) = stand.stage.stack.receiver.messages("/database-team")
    assert "anna" in text_of(page)
    await databases(stand).resume(["main"], WHO)
    assert (await stand.run(LEAK)).unmet_but_late == []


def databases(stand: Stand) -> Databases:
    return Databases(stand.stage.client, "poolmedic")
