"""Where the contract of the port Metrics is played: one simulated application, told or really scraped."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import override

import httpx

from activities.profiles.library import load_profiles
from activities.prometheus import PrometheusMetrics
from deploy.local import probes
from deploy.local.state import State as StackState
from deploy.local.templates import render_rules
from tests.fakes import cases
from tests.fakes.ports import FakeMetrics
from tests.fakes.prometheus import scrapes
from tests.fakes.state import App
from tests.fakes.world import World
from tests.ports.history import History, serve
from workflows.models.target import Target
from workflows.ports.activities import Metrics

SECONDS_TO_JUDGE = 30.0
WAIT_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf)


class MetricsStage(ABC):
    """A world to change, and the port that reads it afterwards."""

    def __init__(self, instances: int = 1) -> None:
        self.target: Target = cases.target(instances=instances, profile="covetpy")
        self.world = World(self.target)
        # The world's own beginning, to the second: scrapes are at whole ones.
        self.now = self.world.opened.replace(microsecond=0)
        self.world.clock = lambda: self.now

    def ago(self, **span: float) -> datetime:
        return self.now - timedelta(**span)

    @abstractmethod
    async def port(self) -> Metrics:
        """The port, once everything has happened."""

    @abstractmethod
    async def disappear(self) -> None:
        """Make Prometheus unreachable."""

    @abstractmethod
    async def raise_alerts(self) -> None:
        """Let Prometheus judge the world by the project's own rules."""


class FakeMetricsStage(MetricsStage):
    """The fake reads the world directly."""

    @override
    async def port(self) -> Metrics:
        return FakeMetrics(self.world)

    @override
    async def disappear(self) -> None:
        self.world.script.fail("read_metrics")

    @override
    async def raise_alerts(self) -> None:
        """It always does."""


class RealMetricsStage(MetricsStage):
    """A real Prometheus holds what scraping the world would have left there."""

    def __init__(self, stack: AsyncExitStack, state: StackState, instances: int = 1) -> None:
        super().__init__(instances)
        self._stack = stack
        self._state = state
        self._rules: Path | None = None
        self._is_gone = False

    @override
    async def port(self) -> Metrics:
        url = "http://127.0.0.1:9" if self._is_gone else await self._serve()
        client = await self._stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        return PrometheusMetrics(client, url, load_profiles(), clock=lambda: self.now)

    @override
    async def disappear(self) -> None:
        self._is_gone = True

    @override
    async def raise_alerts(self) -> None:
        self._rules = render_rules(self._state.directory("rules") / "no-wait.yml", {cases.ALERT: "0s"})

    async def _serve(self) -> str:
        history = History()
        for instance in self.target.instances:
            labels = {**self.target.selector, "instance": instance.name}
            record(history, labels, list(scraped(self.world, instance.name, self.world.began, self.now)))
        url = await self._stack.enter_async_context(serve(self._state, history, self._rules))
        if self._rules:
            assert await probes.until(_has_judged(url), SECONDS_TO_JUDGE) is None
            self.now = datetime.now(UTC)
        return url


def _has_judged(url: str) -> probes.Probe:
    """Once a rule was evaluated, so were those before it in its group."""

    async def ask() -> str | None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{url}/api/v1/rules")
        judged = [rule["health"] for group in answer.json()["data"]["groups"] for rule in group["rules"]]
        return None if set(judged) == {"ok"} else f"the rules are {judged}"

    return ask


@dataclass
class Counted:
    """What one process has counted since its start."""

    requests: float = 0.0
    served: float = 0.0
    held: float = 0.0
    refused: float = 0.0
    waits: dict[float, float] = field(default_factory=lambda: dict.fromkeys(WAIT_BOUNDS, 0.0))

    def go_on(self, app: App, seconds: float) -> None:
        asked = app.rate * seconds if app.running else 0.0
        self.requests += asked
        self.served += asked * app.served
        self.held += asked * app.served * app.hold
        self.refused += app.refused_per_second * seconds
        if app.wait_p95 is not None:
            for bound in WAIT_BOUNDS:
                self.waits[bound] += asked if bound >= app.wait_p95 else 0.0


type Scrape = tuple[float, App, Counted]


def scraped(world: World, name: str, begin: datetime, end: datetime) -> Iterator[Scrape]:
    """Every scrape of the instance between, with the state of its gauges and counters."""
    counted, last = Counted(), begin
    for at in scrapes(world, name, begin, end):
        app = world.state(at).apps[name]
        restarted = app.started_at > last
        start = app.started_at if restarted else last
        counted = Counted() if restarted else replace(counted, waits=dict(counted.waits))
        for seconds, state in world.spans(start, at):
            counted.go_on(state.apps[name], seconds)
        last = at
        yield at.timestamp(), app, counted


def record(history: History, labels: dict[str, str], seen: list[Scrape]) -> None:
    """The covetpy profile's names."""
    prefix = "covet_db_connection"
    gauges: dict[str, list[tuple[float, float]]] = {
        f"{prefix}s_active": [(at, app.pool.active) for at, app, _ in seen],
        f"{prefix}s_idle": [(at, app.pool.idle) for at, app, _ in seen],
        f"{prefix}_pool_size": [(at, app.size) for at, app, _ in seen],
        f"{prefix}_waiters": [(at, app.pool.waiters or 0) for at, app, _ in seen],
        "covet_http_requests_in_progress": [(at, app.pool.in_flight or 0) for at, app, _ in seen],
        f"{prefix}s_leaked_total": [(at, app.leaked_total) for at, app, _ in seen],
        "process_start_time_seconds": [(at, app.started_at.timestamp()) for at, app, _ in seen],
        f"{prefix}_timeouts_total": [(at, counted.refused) for at, _, counted in seen],
        f"{prefix}_hold_time_seconds_sum": [(at, counted.held) for at, _, counted in seen],
        f"{prefix}_hold_time_seconds_count": [(at, counted.served) for at, _, counted in seen],
        "covet_http_requests_total": [(at, counted.requests) for at, _, counted in seen],
    }
    for metric, points in gauges.items():
        history.add(metric, labels, points)
    # As everywhere: the series of a status is not there before the first answer with it.
    refused = [(at, counted.refused) for at, _, counted in seen if counted.refused]
    history.add("covet_http_5xx_responses_total", {**labels, "status": "503"}, refused)
    for bound in WAIT_BOUNDS:
        le = "+Inf" if math.isinf(bound) else str(bound)
        points = [(at, counted.waits[bound]) for at, _, counted in seen]
        history.add(f"{prefix}_wait_time_seconds_bucket", {**labels, "le": le}, points)
