"""How soon the webhook answers: at once, and within three seconds where Temporal does not."""

import os
import signal
import time

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.local.temporal import Temporal
from tests.e2e.webhook_stand import Stand, alert, stand
from worker.sdk_metrics import free_port


async def test_an_answer_does_not_wait_for_the_next_packet(webhook: Stand) -> None:
    """Without TCP_NODELAY every answer after the first takes 40 ms more."""
    took = []
    for _ in range(20):
        started = time.monotonic()
        await webhook.http.get("/healthz")
        took.append(time.monotonic() - started)
    assert sorted(took)[10] < 0.03


async def test_with_temporal_frozen_the_answer_is_503_within_three_seconds(
    webhook: Stand, temporal_server: Temporal
) -> None:
    os.killpg(temporal_server.process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = await webhook.post(alert(webhook.shop))
        assert time.monotonic() - started < 3
        assert (await webhook.http.get("/readyz")).status_code == 503
    finally:
        os.killpg(temporal_server.process.pid, signal.SIGCONT)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert webhook.count("unavailable") == 1
    assert (await webhook.post(alert(webhook.shop))).status_code == 200


async def test_without_temporal_the_answer_is_503_until_it_is_there() -> None:
    nowhere = await Client.connect(
        f"127.0.0.1:{free_port()}", data_converter=pydantic_data_converter, lazy=True
    )
    async with stand(nowhere) as webhook:
        started = time.monotonic()
        answer = await webhook.post(alert(webhook.shop), alert(webhook.mail))
        assert time.monotonic() - started < 3
        assert answer.status_code == 503
        assert "TEMPORAL_ADDRESS" in answer.json()["detail"]
        assert (await webhook.http.get("/readyz")).json() == {"temporal": False, "worker": False}
        assert (await webhook.http.get("/healthz")).status_code == 200
