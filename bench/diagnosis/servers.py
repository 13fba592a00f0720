"""What all trials share: one PostgreSQL, Prometheus and Docker Engine, and poolmedic's four real sources."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import docker
import httpx

from activities.application import HttpApplication
from activities.containers import DockerContainers
from activities.postgres import PostgresDatabase
from activities.profiles.library import load_profiles
from activities.prometheus import PrometheusMetrics
from deploy.demo.decoys import STRANGER
from deploy.demo.faults import EXHAUSTED
from deploy.local import engine, postgres, prometheus, target
from deploy.local.opening import open_state
from deploy.local.state import State
from workflows.errors import PoolmedicError
from workflows.models.evidence import Evidence
from workflows.models.reading import Known, Unavailable
from workflows.ports.activities import Application, Containers, Database, Metrics
from workflows.ports.requests import Look

DSN = "DRILL_DSN"
EXHAUSTED_FOR = "4s"
SLOTS = 120
SECONDS_TO_ANSWER = 10


@dataclass(frozen=True)
class Sources:
    """The ports that an investigation reads, as the worker has them."""

    metrics: Metrics
    application: Application
    database: Database
    containers: Containers

    async def investigate(self, look: Look) -> Evidence:
        """All four side by side, as the workflow asks them; one that fails does not stop the others."""
        metrics, application, database, containers = await asyncio.gather(
            _reading(self.metrics.read_metrics(look)),
            _reading(self.application.read_application(look)),
            _reading(self.database.read_database(look)),
            _reading(asyncio.to_thread(self.containers.read_containers, look)),
        )
        return Evidence(
            at=datetime.now(UTC),
            metrics=metrics,
            application=application,
            database=database,
            containers=containers,
        )


@dataclass(frozen=True)
class Servers:
    """Running for all trials."""

    state: State
    postgres: postgres.Postgres
    prometheus: prometheus.Prometheus
    engine: engine.Engine
    sources: Sources


@contextlib.asynccontextmanager
async def open_servers(folder: Path) -> AsyncIterator[Servers]:
    """Bring them up below this folder for the block; raises StackError."""
    with open_state(folder) as state:
        async with AsyncExitStack() as running:
            enter = running.enter_async_context
            metrics = prometheus.Settings(
                scrape_interval="1s", scrape_timeout="1s", waits={EXHAUSTED: EXHAUSTED_FOR}
            )
            server = await enter(
                postgres.serve(state, postgres.Settings(roles=(STRANGER,), max_connections=SLOTS))
            )
            await target.create_schema(server)
            watching = await enter(prometheus.serve(state, metrics))
            containers = await enter(engine.serve(state, f"bench-{folder.name}"))
            sources = await enter(_open_sources(server, watching, containers))
            yield Servers(state, server, watching, containers, sources)


@contextlib.asynccontextmanager
async def _open_sources(
    server: postgres.Postgres, watching: prometheus.Prometheus, containers: engine.Engine
) -> AsyncIterator[Sources]:
    profiles = load_profiles()
    database = PostgresDatabase({DSN: server.medic_dsn})
    runtime = DockerContainers(
        lambda: docker.DockerClient(base_url=containers.address, timeout=SECONDS_TO_ANSWER), profiles
    )
    async with httpx.AsyncClient(timeout=SECONDS_TO_ANSWER, trust_env=False) as client:
        try:
            await database.warm()
            await database.rehearse()
            metrics = PrometheusMetrics(client, watching.url, profiles)
            yield Sources(metrics, HttpApplication(client, profiles), database, runtime)
        finally:
            runtime.close()
            await database.close()


async def _reading[T](answer: Awaitable[T]) -> Known[T] | Unavailable:
    try:
        async with asyncio.timeout(SECONDS_TO_ANSWER):
            return Known(value=await answer, at=datetime.now(UTC))
    except PoolmedicError as error:
        return Unavailable(reason=error.message)
    except TimeoutError:
        return Unavailable(reason=f"no answer within {SECONDS_TO_ANSWER} s")
