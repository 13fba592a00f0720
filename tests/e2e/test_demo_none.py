"""The drill of a crowd that is gone when it is looked for.

On a stage of its own: a group of alerts that Alertmanager knows from an earlier drill is not gathered anew,
and comes at any time.
"""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from deploy.demo import scenario as scenarios
from deploy.demo.faults import Burst, Demand
from tests.e2e.drill_stand import QUICK, Stand, open_stand
from tests.e2e.recording import record
from workflows.models.report import Ending

TIMES = QUICK.model_copy(
    update={
        "scrape_interval": "4s",
        "exhausted_for": "4s",
        # Longer than the crowd takes to be gone, and shorter than Prometheus takes to see that.
        "gathered": "2500ms",
        "clear_window": "12s",
        "clear_step": "8s",
    }
)
SHOPPERS = Demand(rate=10, hold_ms=50)
NONE = dataclasses.replace(
    scenarios.NONE,
    pool_size=5,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=Burst(Demand(rate=40, hold_ms=200, users=25), "a crowd, until the alert fires"),
)


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("none"), NONE, TIMES) as opened:
        yield opened


async def test_none_is_closed_and_nothing_was_asked_that_could_change_anything(stand: Stand) -> None:
    async with record(stand) as recording:
        ended = await stand.run(NONE)
        assert await recording.offences() == []
    assert ended.unmet == []
    assert ended.report.outcome is Ending.NOTHING_FOUND
    fired = [entry for entry in ended.report.timeline if "is firing" in entry.text]
    assert ended.report.firings == len(fired) > 0
    # The alert was Alertmanager's own, and the incident was closed only after it had ended.
    assert ended.drill.alert is not None
    assert "is resolved" in " ".join(entry.text for entry in ended.report.timeline)
