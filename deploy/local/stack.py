"""The whole stack: one call brings it up, and the end of the block takes it down in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import alertmanager, engine, postgres, prometheus, receiver, target, temporal
from deploy.local.errors import StackError
from deploy.local.opening import open_state
from deploy.local.ports import LOOPBACK
from deploy.local.state import State

WEBHOOK_TOKEN = "webhook-token"  # noqa: S105  the name of the file that holds it
READ_TOKEN = "read-token"  # noqa: S105  likewise
WORKER = "worker"


@dataclass(frozen=True)
class Started:
    """One component is ready: what it is, where it answers, and how many seconds it took."""

    what: str
    where: str
    seconds: float


type Progress = Callable[[Started], None]


@dataclass(frozen=True, kw_only=True)
class AlertTimes:
    """How fast an alert comes about. The defaults are for production; ``DRILL`` is for who watches."""

    scrape_interval: str = "15s"
    scrape_timeout: str = "10s"
    waits: Mapping[str, str] = field(default_factory=dict)
    resend_delay: str = "1m"
    poolmedic_group_wait: str = "0s"
    poolmedic_group_interval: str = "30s"
    poolmedic_repeat_interval: str = "5m"


DRILL = AlertTimes(
    scrape_interval="1s",
    scrape_timeout="1s",
    waits={"DatabaseConnectionPoolExhausted": "2s"},
    resend_delay="5s",
    poolmedic_group_interval="2s",
    poolmedic_repeat_interval="30s",
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What each part is to be; ``name`` marks the containers of this stack."""

    name: str = "drill"
    times: AlertTimes = DRILL
    temporal: temporal.Settings = field(default_factory=temporal.Settings)
    postgres: postgres.Settings = field(default_factory=postgres.Settings)
    target: target.Settings = field(default_factory=target.Settings)


@dataclass(frozen=True)
class Stack:
    """Everything, running. The worker is the caller's: it is to listen on ``worker_address``."""

    state: State
    settings: Settings
    receiver: receiver.Receiver
    temporal: temporal.Temporal
    postgres: postgres.Postgres
    engine: engine.Engine
    targets: list[target.Target]
    alertmanager: alertmanager.Alertmanager
    prometheus: prometheus.Prometheus

    @property
    def worker_address(self) -> str:
        return f"{LOOPBACK}:{self.state.port(WORKER)}"

    @property
    def webhook_token_file(self) -> Path:
        return self.state.secret_file(WEBHOOK_TOKEN)

    @property
    def read_token_file(self) -> Path:
        """Of the token with which Prometheus reads the worker's metrics."""
        return self.state.secret_file(READ_TOKEN)


@contextlib.asynccontextmanager
async def run(
    folder: Path, settings: Settings, progress: Progress = lambda _started: None
) -> AsyncIterator[Stack]:
    """Bring the stack up in this state folder for the block; raises StackError."""
    with open_state(folder) as state:
        async with AsyncExitStack() as running:
            yield await _Starting(state, settings, progress, running).start()


@dataclass(frozen=True)
class _Starting:
    """The order of starting. What Prometheus waits for takes five seconds, so it starts beside the rest."""

    state: State
    settings: Settings
    progress: Progress
    running: AsyncExitStack

    async def start(self) -> Stack:
        receives = await self._enter("receiver", receiver.serve(self.state), lambda it: it.url)
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._start_monitoring(receives))
                drilling = group.create_task(self._start_drill())
                durable = group.create_task(
                    self._enter(
                        "Temporal", temporal.serve(self.state, self.settings.temporal), lambda it: it.ui
                    )
                )
        except* StackError as failed:
            raise _first(failed) from failed
        return Stack(
            self.state, self.settings, receives, durable.result(), *drilling.result(), *watching.result()
        )

    async def _start_drill(self) -> tuple[postgres.Postgres, engine.Engine, list[target.Target]]:
        server = await self._enter(
            "PostgreSQL",
            postgres.serve(self.state, self.settings.postgres),
            lambda it: f"{it.host}:{it.port}",
        )
        containers = await self._enter(
            "Docker Engine", engine.serve(self.state, self.settings.name), lambda it: it.address
        )
        await target.create_schema(server)
        targets = [
            await self._enter(
                f"container {instance}",
                target.run(self.state, containers, server, self.settings.target, instance),
                lambda it: it.url,
            )
            for instance in self.settings.target.instances
        ]
        return server, containers, targets

    async def _start_monitoring(
        self, receives: receiver.Receiver
    ) -> tuple[alertmanager.Alertmanager, prometheus.Prometheus]:
        alerts = await self._enter(
            "Alertmanager", alertmanager.serve(self.state, self._routing(receives)), lambda it: it.url
        )
        applications = target.describe(self.state, self.settings.target)
        metrics = prometheus.serve(self.state, self._scraping(alerts), applications)
        return alerts, await self._enter("Prometheus", metrics, lambda it: it.url)

    def _routing(self, receives: receiver.Receiver) -> alertmanager.Settings:
        times = self.settings.times
        return alertmanager.Settings(
            poolmedic_url=f"http://{LOOPBACK}:{self.state.port(WORKER)}/alerts",
            people_url=f"{receives.url}/people",
            token_file=self.state.secret_file(WEBHOOK_TOKEN),
            poolmedic_group_wait=times.poolmedic_group_wait,
            poolmedic_group_interval=times.poolmedic_group_interval,
            poolmedic_repeat_interval=times.poolmedic_repeat_interval,
        )

    def _scraping(self, alerts: alertmanager.Alertmanager) -> prometheus.Settings:
        times = self.settings.times
        return prometheus.Settings(
            scrape_interval=times.scrape_interval,
            scrape_timeout=times.scrape_timeout,
            waits=times.waits,
            resend_delay=times.resend_delay,
            alertmanagers=[alerts.address],
            jobs={
                "poolmedic": prometheus.Job(
                    f"{LOOPBACK}:{self.state.port(WORKER)}", self.state.secret_file(READ_TOKEN)
                ),
                "alertmanager": prometheus.Job(alerts.address),
            },
        )

    async def _enter[T](
        self, what: str, component: AbstractAsyncContextManager[T], where: Callable[[T], str]
    ) -> T:
        began = time.monotonic()
        entered = await self.running.enter_async_context(component)
        self.progress(Started(what, where(entered), time.monotonic() - began))
        return entered


def _first(failed: BaseExceptionGroup[StackError]) -> StackError:
    first = failed.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
