"""The drill of a spike: far more traffic than usual, every session an honest one."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from deploy.demo import scenario as scenarios
from deploy.demo.faults import Demand, Traffic
from deploy.demo.person import text_of
from tests.e2e.drill_stand import QUICK, Stand, open_stand
from tests.e2e.recording import alone

TIMES = QUICK.model_copy(
    update={
        "clear_window": "9s",
        "clear_step": "1s",
        "resize_for": "15s",
    }
)
FEW, MANY = Demand(rate=1, hold_ms=400), Demand(rate=18, hold_ms=400)
SPIKE = dataclasses.replace(
    scenarios.SPIKE,
    pool_size=5,
    patience=0.5,
    resize_factor=8,
    calm=FEW,
    usual=FEW,
    fault=Traffic(MANY, "eighteen times the usual traffic arrives"),
)


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("load"), SPIKE, TIMES) as opened:
        yield opened


async def test_left_alone_a_spike_lasts(stand: Stand) -> None:
    """First of all: Prometheus knows no other traffic yet than this drill's."""
    async with alone(stand, SPIKE) as ended:
        assert ended.unmet == []
        assert ended.report.requests == ()


async def test_spike(stand: Stand) -> None:
    ended = await stand.run(SPIKE)
    assert ended.unmet == []
    (attempt,) = ended.report.attempts
    assert attempt.decided_by == "dba-on-call"
    (asked,) = [
        page
        for page in stand.stage.stack.receiver.messages("/oncall")
        if ended.report.requests[0].id in text_of(page)
    ]
    assert "times the usual" in text_of(asked)
