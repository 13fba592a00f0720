"""In which order alerts reach Temporal: what opens an incident decides from when its clocks count."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from temporalio.client import Client

from tests.unit.configurations import raw, read
from worker.delivery import Delivery
from worker.intake import Intake
from worker.routing import route
from workflows.models.alert import Alert
from workflows.payloads import converter

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
CONFIGURATION = read(raw())


class Slow:
    """A Temporal that takes the longer for a start, the older the alert."""

    namespace = "default"
    data_converter = converter

    def __init__(self) -> None:
        self.begun: list[str] = []

    async def start_workflow(self, *_args: Any, **options: Any) -> Any:
        (alert,) = options["start_signal_args"]
        assert isinstance(alert, Alert)
        await asyncio.sleep((NOW - alert.starts_at).total_seconds() / 10_000)
        self.begun.append(alert.fingerprint)
        return self

    @property
    def id(self) -> str:
        return "pool/shop"


async def test_the_oldest_alert_of_a_target_is_there_before_the_others_set_out() -> None:
    labels = {"alertname": "DatabaseConnectionPoolExhausted", "job": "shop"}
    every = [
        {
            "status": "firing",
            "labels": labels,
            "fingerprint": f"{minutes}",
            "startsAt": NOW - timedelta(minutes=minutes),
        }
        for minutes in (1, 20, 5)
    ]
    temporal = Slow()
    routed = route(Delivery.model_validate({"version": "4", "alerts": every}), CONFIGURATION, NOW)
    placed = await Intake(cast("Client", temporal), CONFIGURATION, "none").place(routed.assignments)
    assert len(placed) == 3
    assert temporal.begun == ["20", "1", "5"]
