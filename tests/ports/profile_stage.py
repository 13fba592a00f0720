"""Where the contract of a metric profile is played: something of its kind, scraped by a real Prometheus.

Of its target the first instance is scraped, the second is not, and one is scraped that nobody configured.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import HttpUrl

from activities.application import HttpApplication
from activities.profiles.library import load_profiles
from activities.prometheus import PrometheusMetrics
from deploy.local import probes
from deploy.local.prometheus import Application, Prometheus
from tests.fakes import cases
from workflows import verification
from workflows.models.evidence import ApplicationReading, InstanceMetrics, MetricsReading
from workflows.models.policy import Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.models.verdict import Verdict, WindowReading
from workflows.ports.requests import Look, WindowLook

SECONDS_TO_NOTICE = 30.0
STEP = timedelta(seconds=1)
SHORT = {"length": "3s", "step": "1s", "gap_steps": 4, "samples": 0.5, "wait_p95": "0.5s"}
"""A clear window that a test can wait for, on a busy machine too."""

type Wanted = Callable[[InstanceMetrics], bool]


class Watched:
    """The ports that a worker would have, and the target they are asked about."""

    def __init__(self, target: Target, prometheus: str, client: httpx.AsyncClient) -> None:
        self.target = target
        self.policy: Policy = cases.policy(clear_window=SHORT)
        profiles = load_profiles()
        self.metrics = PrometheusMetrics(client, prometheus, profiles)
        self.application = HttpApplication(client, profiles)
        self._look = Look(target=target, policy=self.policy, alert_name=cases.ALERT)

    @property
    def first(self) -> str:
        return self.target.instances[0].name

    @property
    def second(self) -> str:
        return self.target.instances[1].name

    async def until(self, wanted: Wanted) -> MetricsReading:
        """Read until the first instance is as wanted."""
        last: list[MetricsReading] = []

        async def ask() -> str | None:
            last[:] = [await self.metrics.read_metrics(self._look)]
            found = last[0].instances[self.first]
            return None if isinstance(found, Known) and wanted(found.value) else str(found)

        assert await probes.until(ask, SECONDS_TO_NOTICE) is None
        return last[0]

    async def window(self, since: datetime, target: Target | None = None) -> WindowReading:
        asked = target or self.target
        look = WindowLook(target=asked, since=since, until=datetime.now(UTC), step=STEP)
        return await self.metrics.read_window(look)

    async def pages(self) -> ApplicationReading:
        return await self.application.read_application(self._look)

    async def verdict(self, since: datetime) -> Verdict:
        """What the pipeline would conclude of the first instance alone."""
        alone = self.target.model_copy(update={"instances": self.target.instances[:1]})
        window = (await self.window(since, alone)).model_copy(update={"unexpected": ()})
        now = datetime.now(UTC)
        return verification.verify(
            Known[WindowReading](value=window, at=now),
            Known[ApplicationReading](value=await self.pages(), at=now),
            alone,
            self.policy,
            since=since,
            now=now,
            is_resolved=True,
        )


@contextlib.asynccontextmanager
async def watched(
    kind: str, name: str, metrics: str, application: str, server: Prometheus, **selector: str
) -> AsyncIterator[Watched]:
    """Scrape the address `metrics` as the first instance of a target of that kind, and as a stranger."""
    target = cases.target(name=name, instances=2, profile=kind, usual={"request_rate": 1.0})
    urls = HttpUrl(application), HttpUrl("http://127.0.0.1:9")
    located = [each.model_copy(update={"url": url}) for each, url in zip(target.instances, urls, strict=True)]
    target = target.model_copy(update={"instances": tuple(located), "selector": {"service": name} | selector})
    address = metrics.removeprefix("http://")
    scraped = [Application(address, name, each) for each in (target.instances[0].name, f"{name}-9")]
    server.watch(scraped)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            yield Watched(target, server.url, client)
    finally:
        server.watch([])


async def scrapes(number: int) -> None:
    """So many more scrapes: an increase needs something to compare with."""
    await asyncio.sleep(number + 0.5)


def known[T](reading: Known[T] | Unavailable) -> T:
    """The value; fails where there is none."""
    assert isinstance(reading, Known), reading
    return reading.value


def reason[T](reading: Known[T] | Unavailable) -> str:
    """Why there is no value; fails where there is one."""
    assert isinstance(reading, Unavailable), reading
    return reading.reason
