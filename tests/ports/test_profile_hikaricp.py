"""The profile hikaricp: Micrometer's page, scraped by a real Prometheus and read by the ports."""

from datetime import UTC, datetime

import pytest

from deploy.local.prometheus import Prometheus
from tests.ports.application_stage import serve
from tests.ports.micrometer_page import MicrometerPage
from tests.ports.profile_stage import Watched, known, reason, scrapes, watched
from workflows.models.evidence import PoolState
from workflows.models.reading import Unavailable
from workflows.models.verdict import State

KIND = "hikaricp"


async def look_when_calm(seen: Watched, since: datetime) -> None:
    reading = await seen.until(lambda metrics: True)
    calm = known(reading.instances[seen.first])
    assert calm.pool == PoolState(active=2, idle=8, size=10, waiters=0)
    assert known(calm.timeouts) == known(calm.errors_503) == known(calm.full_seconds) == 0
    assert known(calm.wait_p95) < 0.05
    assert "hikaricp has no `series.leaked`" in reason(calm.leaked)
    assert known(reading.hold_seconds) == pytest.approx(0.05, rel=0.1)
    assert isinstance(reading.instances[seen.second], Unavailable)
    assert reading.unexpected == ("beans-9",)
    own = known((await seen.pages()).instances[seen.first])
    assert known(own.pool) == calm.pool
    assert own.status == "UP"
    assert own.checks == {"db": "UP", "ping": "UP"}
    assert known(own.probe_seconds) < 1
    assert (await seen.verdict(since)).state is State.RECOVERED


async def look_when_full(seen: Watched, since: datetime) -> None:
    await seen.until(lambda metrics: metrics.pool.active == 10)
    await scrapes(2)
    reading = await seen.until(lambda metrics: True)
    full = known(reading.instances[seen.first])
    assert full.pool == PoolState(active=10, idle=0, size=10, waiters=4)
    assert known(full.timeouts) == known(full.errors_503) == 3
    assert reading.errors_5xx is not None
    assert known(reading.errors_5xx) > 0
    assert known(full.full_seconds) >= 1
    assert isinstance(known((await seen.pages()).instances[seen.first]).probe_seconds, Unavailable)
    window = known((await seen.window(since)).instances[seen.first])
    assert window.utilization_max == 1
    assert known(window.timeouts) == known(window.errors_503) == 3
    assert known(window.wait_p95_max) == 1.0
    assert (await seen.verdict(since)).state is State.NOT_RECOVERED


async def judge_a_bare_page(seen: Watched, since: datetime) -> None:
    verdict = await seen.verdict(since)
    unsure = {each.name: each for each in verdict.criteria if each.state is not State.RECOVERED}
    assert set(unsure) == {"wait for a connection (p95)", "503 answers", "demand"}
    assert verdict.state is State.INCONCLUSIVE
    assert "hikaricp_connections_acquire_seconds_bucket" in unsure["wait for a connection (p95)"].measured
    assert "http_server_requests_seconds_count counts nothing" in unsure["503 answers"].measured


async def test_a_pool_that_fills_shows_every_symptom(prometheus_server: Prometheus) -> None:
    page = MicrometerPage(is_bare=True)
    async with serve(page.answer) as url, watched(KIND, "beans", url, url, prometheus_server) as seen:
        await seen.until(lambda metrics: True)
        since = datetime.now(UTC)
        await scrapes(3)
        await judge_a_bare_page(seen, since)
        page.is_bare, since = False, datetime.now(UTC)
        await scrapes(3)
        await look_when_calm(seen, since)
        page.active, page.pending, page.timeouts, page.refused, page.slow = 10, 4, 3, 3, 100
        await look_when_full(seen, since)
