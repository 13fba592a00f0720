"""What is ended by force or asked to end, and started again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bench.chaos.site import Site
from deploy.demo import witness
from deploy.local import alertmanager, identity, postgres, probes, prometheus, temporal

SECONDS_TO_BE_ASKED = 30.0
"""A permit that came too late is given back, and asked for again after the next look."""


@asynccontextmanager
async def worker_killed(site: Site) -> AsyncIterator[None]:
    await site.crew.worker.kill()
    await site.gate.cut()
    yield
    await site.crew.worker.start()


@asynccontextmanager
async def worker_killed_in_the_grace(site: Site) -> AsyncIterator[None]:
    """The application does not end when it is told to, and the worker dies while the engine waits for it."""
    began, name = datetime.now(UTC), site.stage.application.name
    if (application := await asyncio.to_thread(_process_of, site)) is not None:
        application.signal(signal.SIGSTOP)
    site.gate.open()

    async def ask() -> str | None:
        return None if await witness.stops_since(site.stage, name, began) else "not asked to end yet"

    _complain(site, await probes.until(ask, SECONDS_TO_BE_ASKED))
    await site.crew.worker.kill()
    await site.gate.cut()
    yield
    await site.crew.worker.start()


def _process_of(site: Site) -> identity.Identity | None:
    with site.stage.stack.engine.client() as engine:
        state = engine.containers.get(site.stage.application.name).attrs["State"]
    return identity.identify(int(state["Pid"]))


@asynccontextmanager
async def worker_told_to_end(site: Site) -> AsyncIterator[None]:
    site.gate.open()
    _complain(site, await site.crew.worker.stop())
    yield
    await site.crew.worker.start()


@asynccontextmanager
async def one_of_two_killed(site: Site) -> AsyncIterator[None]:
    await site.crew.spare.start()
    await site.crew.worker.kill()
    await site.gate.cut()
    yield
    await site.crew.worker.start()


@asynccontextmanager
async def rolled(site: Site) -> AsyncIterator[None]:
    """One after the other is replaced, as a deployment does."""
    site.gate.open()
    await site.crew.spare.start()
    _complain(site, await site.crew.worker.stop())
    yield
    await site.crew.worker.start()
    _complain(site, await site.crew.spare.stop())


@asynccontextmanager
async def webhook_killed(site: Site) -> AsyncIterator[None]:
    await site.crew.webhook.kill()
    site.gate.open()
    yield
    await site.crew.webhook.start()


@asynccontextmanager
async def prometheus_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.prometheus
    await server.process.kill()
    site.gate.open()
    yield
    await prometheus.start(server)


@asynccontextmanager
async def alertmanager_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.alertmanager
    await server.process.kill()
    site.gate.open()
    yield
    await alertmanager.start(server)


@asynccontextmanager
async def temporal_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.temporal
    await server.process.kill()
    site.gate.open()
    yield
    await temporal.start(server)
    await site.crew.await_worker()


@asynccontextmanager
async def all_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.temporal
    for process in (server.process, site.crew.webhook.process, site.crew.worker.process):
        await process.kill()
    await site.gate.cut()
    yield
    await temporal.start(server)
    await site.crew.start()


@asynccontextmanager
async def database_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.postgres
    await server.process.kill()
    site.gate.open()
    yield
    await postgres.start(server)


def _complain(site: Site, complaint: str | None) -> None:
    if complaint is not None:
        site.complaints.append(complaint)
