"""A Temporal server that takes some alerts of a delivery and not others, or none in time."""

import os
import signal
import time
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.local import temporal
from deploy.local.state import State
from tests.e2e.webhook_stand import Stand, alert, stand
from worker.namespace import set_up

MOST_SIGNALS = 25
"""Of one run; the server's own default is 10,000."""


@pytest.fixture(scope="module")
async def server(stack_state: State) -> AsyncIterator[temporal.Temporal]:
    settings = temporal.Settings(
        name="strict", dynamic_config={"history.maximumSignalsPerExecution": f"{MOST_SIGNALS}"}
    )
    async with temporal.serve(stack_state, settings) as running:
        yield running


@pytest.fixture
async def webhook(server: temporal.Temporal) -> AsyncIterator[Stand]:
    client = await Client.connect(server.address, data_converter=pydantic_data_converter)
    await set_up(client)
    async with stand(client) as running:
        yield running


async def test_an_alert_that_is_refused_for_good_keeps_no_other_out(webhook: Stand) -> None:
    for number in range(MOST_SIGNALS):
        assert (await webhook.post(alert(webhook.shop, fingerprint=f"{number}"))).status_code == 200
    others = [alert(webhook.mail, fingerprint=f"{number}") for number in range(MOST_SIGNALS - 1)]
    resolved = alert(webhook.mail, status="resolved", fingerprint="0")
    started = time.monotonic()
    answer = await webhook.post(alert(webhook.shop, fingerprint="another"), *others, resolved)
    assert time.monotonic() - started < 3
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(f"{webhook.shop}: Temporal refused: ")
    assert webhook.mail not in answer.json()["detail"]
    assert len(await webhook.signals(webhook.mail)) == MOST_SIGNALS
    assert len(await webhook.signals(webhook.shop)) == MOST_SIGNALS


async def test_many_alerts_are_answered_within_three_seconds_too(
    webhook: Stand, server: temporal.Temporal
) -> None:
    many = [alert(webhook.shop, fingerprint=f"{number}") for number in range(MOST_SIGNALS)]
    resolved = [alert(webhook.mail, status="resolved", fingerprint=f"{number}") for number in range(20)]
    os.killpg(server.process.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = await webhook.post(*many, *resolved)
        assert time.monotonic() - started < 3
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(f"{webhook.mail}, {webhook.shop}: Temporal does not answer")
    assert (await webhook.post(alert(webhook.shop))).status_code == 200
