"""Pasts written by hand: a target that was scraped at regular times, with what a test changes."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import httpx

from activities.curves import Curves
from activities.profiles.library import load_profiles
from activities.profiles.profile import Profile
from activities.prometheus import PrometheusMetrics
from deploy.local.state import State
from tests.fakes import cases
from tests.ports.history import History, serve
from workflows.models.evidence import InstanceMetrics, MetricsReading
from workflows.models.policy import Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.models.verdict import InstanceWindow, WindowReading
from workflows.ports.requests import Look, WindowLook

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
ACTIVE, IDLE = "covet_db_connections_active", "covet_db_connections_idle"
SIZE, WAITERS = "covet_db_connection_pool_size", "covet_db_connection_waiters"
IN_FLIGHT = "covet_http_requests_in_progress"
TIMEOUTS, ERRORS = "covet_db_connection_timeouts_total", "covet_http_5xx_responses_total"
LEAKED = "covet_db_connections_leaked_total"
STARTED, REQUESTS = "process_start_time_seconds", "covet_http_requests_total"
WAITS, HOLDS = "covet_db_connection_wait_time_seconds_bucket", "covet_db_connection_hold_time_seconds"
ONE = "orders-1"

type Course = float | Callable[[float], float | None]
"""A value, or one by how many seconds ago the scrape was; None is no sample."""


class Past:
    """What Prometheus is to remember of the target `orders`, up to now."""

    def __init__(self, every: float = 5.0, back: float = 900.0) -> None:
        self.history = History()
        self.ago = [step * every for step in range(int(back // every), -1, -1)]

    def add(self, metric: str, course: Course, instance: str = ONE, **labels: str) -> None:
        """One series, with a sample at every scrape."""
        told = {"service": "orders", "instance": instance, **labels}
        self.history.add(metric, told, self._points(course))

    def add_pool(self, instance: str = ONE, *, active: Course = 2, size: Course = 10) -> None:
        """The series without which there is no reading."""
        self.add(ACTIVE, active, instance)
        self.add(SIZE, size, instance)
        self.add(IDLE, lambda ago: _minus(_at(size, ago), _at(active, ago)), instance)

    def add_waits(self, counts: Mapping[str, Course], instance: str = ONE) -> None:
        """Cumulative buckets by their upper bound."""
        for bound, course in counts.items():
            self.add(WAITS, course, instance, le=bound)

    def _points(self, course: Course) -> Sequence[tuple[float, float]]:
        values = [(NOW.timestamp() - ago, _at(course, ago)) for ago in self.ago]
        return [(at, value) for at, value in values if value is not None]


class Remembering:
    """A Prometheus with that past, and the port that asks it at `NOW`."""

    def __init__(self, stack: AsyncExitStack, state: State) -> None:
        self._stack = stack
        self._state = state
        self.profiles: dict[str, Profile] = load_profiles()
        self.target: Target = cases.target(profile="covetpy")

    async def read(self, past: Past, **policy: object) -> MetricsReading:
        """The reading of now."""
        port = await self._port(past)
        rules = Policy.model_validate({"mode": "observe", **policy})
        return await port.read_metrics(Look(target=self.target, policy=rules, alert_name=cases.ALERT))

    async def read_one(self, past: Past, **policy: object) -> InstanceMetrics:
        """The reading of the one instance."""
        return known((await self.read(past, **policy)).instances[ONE])

    async def curves(self, past: Past, seconds: float) -> Curves:
        """How full the pools were, until now."""
        port = await self._port(past)
        return await port.read_past(self.target, NOW - timedelta(seconds=seconds), NOW)

    async def window(self, past: Past, seconds: float = 300) -> WindowReading:
        """The reading of the last so many seconds."""
        port = await self._port(past)
        since, step = NOW - timedelta(seconds=seconds), timedelta(seconds=15)
        return await port.read_window(WindowLook(target=self.target, since=since, until=NOW, step=step))

    async def window_of_one(self, past: Past, seconds: float = 300) -> InstanceWindow:
        """The one instance in it."""
        return known((await self.window(past, seconds)).instances[ONE])

    async def _port(self, past: Past) -> PrometheusMetrics:
        url = await self._stack.enter_async_context(serve(self._state, past.history))
        client = await self._stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        return PrometheusMetrics(client, url, self.profiles, clock=lambda: NOW)


def known[T](reading: Known[T] | Unavailable) -> T:
    """The value; fails where there is none."""
    assert isinstance(reading, Known), reading
    return reading.value


def reason[T](reading: Known[T] | Unavailable) -> str:
    """Why there is no value; fails where there is one."""
    assert isinstance(reading, Unavailable), reading
    return reading.reason


def _at(course: Course, ago: float) -> float | None:
    return course(ago) if callable(course) else course


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one - other, -math.inf)
