"""Delivering as Alertmanager does: whatever is not answered with 2xx comes again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from bench.storm.deliveries import Alert, payload
from bench.storm.webhook import Webhook

MOST_TRIES = 200
PAUSE = 0.25
"""Seconds before the next try; shorter than `Retry-After` says, so that the storm is one."""
SECONDS_TO_ANSWER = 10.0


@dataclass
class Sent:
    """What was answered."""

    taken: set[Alert] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    without_retry_after: int = 0
    unanswered: int = 0
    """Deliveries whose connection was closed, refused or silent."""
    given_up: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of the deliveries that were taken."""


async def send_at_once(webhook: Webhook, alerts: Iterable[Alert]) -> Sent:
    """All of them side by side."""
    sent = Sent()
    limits = httpx.Limits(max_connections=None)
    async with _client(webhook, limits) as client:
        await asyncio.gather(*(_deliver(client, alert, sent) for alert in alerts))
    return sent


async def send_in_a_row(webhook: Webhook, alerts: Iterable[Alert]) -> Sent:
    """One after the other, by one connection."""
    sent = Sent()
    async with _client(webhook, httpx.Limits(max_connections=1)) as client:
        for alert in alerts:
            await _deliver(client, alert, sent)
    return sent


def _client(webhook: Webhook, limits: httpx.Limits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=webhook.url,
        headers={"Authorization": f"Bearer {webhook.token}"},
        limits=limits,
        timeout=httpx.Timeout(SECONDS_TO_ANSWER, pool=None),
        trust_env=False,
    )


async def _deliver(client: httpx.AsyncClient, alert: Alert, sent: Sent) -> None:
    for _ in range(MOST_TRIES):
        began = time.monotonic()
        try:
            answer = await client.post("/alerts", json=payload(alert))
        except httpx.HTTPError as error:
            sent.answers[type(error).__name__] += 1
            sent.unanswered += 1
        else:
            sent.answers[str(answer.status_code)] += 1
            if answer.is_success:
                sent.taken.add(alert)
                sent.seconds.append(time.monotonic() - began)
                return
            if answer.status_code in (429, 503) and "retry-after" not in answer.headers:
                sent.without_retry_after += 1
        await asyncio.sleep(PAUSE)
    sent.given_up += 1
