"""The drills whose fault is traffic alone: far more than usual, and a crowd that is gone when looked for."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from deploy.demo import scenario as scenarios
from deploy.demo.faults import Burst, Demand, Traffic
from deploy.demo.person import text_of
from tests.e2e.drill_stand import QUICK, Stand, left_alone, open_stand
from workflows.models.report import Ending

TIMES = QUICK.model_copy(
    update={
        **scenarios.NONE.times,
        "scrape_interval": "4s",
        "exhausted_for": "4s",
        # Longer than the crowd takes to be gone, and shorter than Prometheus takes to see that.
        "gathered": "2s",
        "clear_window": "12s",
        "clear_step": "8s",
        "resize_for": "15s",
    }
)
FEW, MANY = Demand(rate=1, hold_ms=400), Demand(rate=18, hold_ms=400)
SHOPPERS = Demand(rate=10, hold_ms=50)
SPIKE = dataclasses.replace(
    scenarios.SPIKE,
    pool_size=5,
    patience=scenarios.NONE.patience,
    resize_factor=8,
    calm=FEW,
    usual=FEW,
    fault=Traffic(MANY, "eighteen times the usual traffic arrives"),
)
NONE = dataclasses.replace(
    scenarios.NONE,
    pool_size=5,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=Burst(Demand(rate=40, hold_ms=200, users=25), "a crowd, until the alert fires"),
)


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("load"), SPIKE, TIMES) as opened:
        yield opened


async def test_left_alone_a_spike_lasts(stand: Stand) -> None:
    """First of all: Prometheus knows no other traffic yet than this drill's."""
    ended = await stand.run(left_alone(SPIKE))
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


async def test_none(stand: Stand) -> None:
    ended = await stand.run(NONE)
    assert ended.unmet == []
    assert ended.report.outcome is Ending.NOTHING_FOUND
    # The alert was Alertmanager's own, and the incident was closed only after it had ended.
    assert ended.drill.alert is not None
    assert "is resolved" in " ".join(entry.text for entry in ended.report.timeline)
