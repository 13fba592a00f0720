"""A delivery full of alerts that belong to no target: told in few words, and in no time."""

import json
import time
from typing import Any, cast

import httpx
from fastapi import FastAPI
from prometheus_client import Counter
from pydantic import SecretStr
from structlog.testing import capture_logs
from temporalio.client import Client

from tests.unit.configurations import another, raw, read
from worker.access import Access
from worker.body import DELIVERY
from worker.intake import Intake
from worker.meters import Meters
from worker.routing import MOST_TOLD
from worker.webhook import Webhook

TOKEN = "token-of-today-0123456789"
STRANGER = {
    "status": "firing",
    "labels": {"alertname": "DatabaseConnectionPoolExhausted"},
    "startsAt": "2026-05-04T03:02:01.5Z",
    "fingerprint": "a",
}
WHOLE = len(json.dumps(STRANGER, separators=(",", ":"))) + 1


async def delivered(meters: Meters, number: int) -> httpx.Response:
    """So many of them, to a webhook of 20 targets; nothing is placed, so no Temporal is asked."""
    configuration = read(raw() | {"targets": [another(f"shop-{each}") for each in range(20)]})
    app = FastAPI()
    access = Access((SecretStr(TOKEN),), Counter("refused", "None.", registry=None), takes_basic=False)
    Webhook(Intake(cast("Client", None), configuration, "none"), meters).serve_on(app, access)
    body = json.dumps({"version": "4", "alerts": [STRANGER] * number}, separators=(",", ":")).encode()
    assert len(body) <= DELIVERY.largest
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
        return await http.post("/alerts", content=body, headers={"Authorization": f"Bearer {TOKEN}"})


def told_of(written: Any) -> Any:
    (warning,) = [line for line in written if line["log_level"] == "warning"]
    return warning


async def test_a_delivery_full_of_strangers_is_told_in_few_words_and_in_no_time() -> None:
    many, meters = DELIVERY.largest // WHOLE - 1, Meters()
    assert many > 7_000
    began = time.thread_time()
    with capture_logs() as written:
        answer = await delivered(meters, many)
    assert time.thread_time() - began < 1.0
    assert answer.status_code == 422
    assert len(answer.content) < 64 * 1024
    told = answer.json()
    assert told["detail"].startswith(f"{many} firing alerts belong to no configured target")
    assert [one["path"] for one in told["unmatched"]] == [f"alerts[{n}].labels" for n in range(MOST_TOLD)]
    assert told["untold"] == many - MOST_TOLD
    assert len(written) <= 2
    assert told_of(written)["number"] == many
    assert len(str(written)) < 16 * 1024
    counted = meters.registry.get_sample_value("poolmedic_alerts_total", {"result": "unmatched"})
    assert counted == many


async def test_as_many_as_are_told_are_all_told() -> None:
    with capture_logs() as written:
        answer = await delivered(Meters(), MOST_TOLD)
    assert (len(answer.json()["unmatched"]), answer.json()["untold"]) == (MOST_TOLD, 0)
    (reason,) = told_of(written)["reasons"]
    assert "shop-19: job=shop-19" in reason
    assert len(told_of(written)["first"]) == MOST_TOLD
