"""From a real scrape to a reading: an application that Prometheus scrapes, and then can't any more."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from activities.profiles.library import load_profiles
from activities.prometheus import PrometheusMetrics
from deploy.local import probes
from deploy.local.prometheus import Application, Prometheus
from tests.fakes import cases
from tests.ports.application_stage import Page, serve
from workflows.models.evidence import MetricsReading, PoolState
from workflows.models.reading import Known, Unavailable
from workflows.ports.requests import Look, WindowLook

NAME = "scraped"
ONE = f"{NAME}-1"
TARGET = cases.target(name=NAME, profile="covetpy", usual={"request_rate": 12.5})
SECONDS_TO_NOTICE = 30.0


class Served:
    """Its figures are the test's to change."""

    def __init__(self) -> None:
        self.active = 3
        self.failed = 0
        self.started = time.time()

    async def answer(self, path: str) -> Page | None:
        body = f"""covet_db_connections_active {self.active}
covet_db_connections_idle {10 - self.active}
covet_db_connection_pool_size 10
covet_db_connection_timeouts_total {self.failed}
process_start_time_seconds {self.started}
covet_http_requests_total {(time.time() - self.started) * 8}
"""
        if self.failed:
            body += f'covet_http_5xx_responses_total{{status="503"}} {self.failed}\n'
        return ("200 OK", body.encode()) if path == "/metrics" else ("404 Not Found", b"")


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_what_is_scraped_is_read_and_what_is_not_grows_old(
    prometheus_server: Prometheus, stack: AsyncExitStack
) -> None:
    client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
    port = PrometheusMetrics(client, prometheus_server.url, load_profiles())
    look = Look(target=TARGET, policy=cases.policy(), alert_name=cases.ALERT)
    application = Served()

    async def until(ready: str) -> MetricsReading:
        """Read until the pool is as many connections in use as this says."""
        last: list[MetricsReading] = []

        async def ask() -> str | None:
            last[:] = [await port.read_metrics(look)]
            found = last[0].instances[ONE]
            return None if isinstance(found, Known) and str(found.value.pool.active) == ready else str(found)

        assert await probes.until(ask, SECONDS_TO_NOTICE) is None
        return last[0]

    async with serve(application.answer) as url:
        scraped = Application(address=url.removeprefix("http://"), service=NAME, instance=ONE)
        prometheus_server.watch([scraped])
        stack.callback(prometheus_server.watch, [])
        first = (await until("3")).instances[ONE]
        assert isinstance(first, Known)
        assert first.value.pool == PoolState(active=3, idle=7, size=10)
        assert datetime.now(UTC) - first.at < timedelta(seconds=3)

        await asyncio.sleep(2.5)  # two more scrapes: an increase needs something to compare with
        since = datetime.now(UTC)
        await asyncio.sleep(2.5)
        application.active, application.failed = 10, 4
        full = await until("10")
        full_one = full.instances[ONE]
        assert isinstance(full_one, Known)
        assert full_one.value.timeouts == Known[float](value=4, at=full_one.at)
        assert full_one.value.errors_503 == Known[float](value=4, at=full_one.at)
        assert isinstance(full.request_rate, Known)
        assert full.request_rate.value == pytest.approx(8, rel=0.2)
        assert isinstance(full.usual_rate, Known)
        assert full.usual_rate.value == 12.5
        window = await port.read_window(
            WindowLook(target=TARGET, since=since, until=datetime.now(UTC), step=timedelta(seconds=1))
        )
        inside = window.instances[ONE]
        assert isinstance(inside, Known)
        assert inside.value.utilization_max == 1
        assert inside.value.errors_503 == Known[float](value=4, at=inside.value.last_at)
        assert inside.value.longest_gap_seconds < 2.5
        assert isinstance(inside.value.wait_p95_max, Unavailable)

    await asyncio.sleep(3)
    old = (await until("10")).instances[ONE]
    assert isinstance(old, Known)
    assert datetime.now(UTC) - old.at > timedelta(seconds=2)
