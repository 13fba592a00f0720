"""What is ended by force or asked to end, and started again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bench.chaos.site import Site
from bench.chaos.strike import Part
from deploy.demo import witness
from deploy.local import alertmanager, identity, postgres, probes, prometheus, temporal
from deploy.local.process import Process

SECONDS_TO_BE_ASKED = 30.0
"""A permit that came too late is given back, and asked for again after the next look."""


async def _kill(site: Site, process: Process) -> None:
    """By the kernel's word: one that had ended before has another exit code."""
    await process.kill()
    site.strike.see(f"{process.command.name} is killed", holds=process.exit_code == -signal.SIGKILL)


@asynccontextmanager
async def worker_killed(site: Site) -> AsyncIterator[None]:
    with site.strike.stops(Part.WORKER):
        await _kill(site, site.crew.worker.process)
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

    reason = await probes.until(ask, SECONDS_TO_BE_ASKED)
    site.strike.see("the container is asked to end", holds=reason is None)
    with site.strike.stops(Part.WORKER):
        await _kill(site, site.crew.worker.process)
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
    with site.strike.stops(Part.WORKER):
        await _end_worker(site)
        yield
        await site.crew.worker.start()


@asynccontextmanager
async def one_of_two_killed(site: Site) -> AsyncIterator[None]:
    await _start_spare(site)
    await _kill(site, site.crew.worker.process)
    await site.gate.cut()
    yield
    await site.crew.worker.start()


@asynccontextmanager
async def rolled(site: Site) -> AsyncIterator[None]:
    """One after the other is replaced, as a deployment does."""
    site.gate.open()
    await _start_spare(site)
    await _end_worker(site)
    yield
    await site.crew.worker.start()
    _complain(site, await site.crew.spare.stop())


async def _start_spare(site: Site) -> None:
    await site.crew.spare.start()
    site.strike.see("a second worker runs", holds=site.crew.spare.process.is_running())


async def _end_worker(site: Site) -> None:
    _complain(site, await site.crew.worker.stop())
    site.strike.see("the worker has ended", holds=site.crew.worker.process.exit_code is not None)


@asynccontextmanager
async def webhook_killed(site: Site) -> AsyncIterator[None]:
    await _kill(site, site.crew.webhook.process)
    site.gate.open()
    yield
    await site.crew.webhook.start()


@asynccontextmanager
async def prometheus_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.prometheus
    await _kill(site, server.process)
    site.gate.open()
    yield
    await prometheus.start(server)


@asynccontextmanager
async def alertmanager_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.alertmanager
    await _kill(site, server.process)
    site.gate.open()
    yield
    await alertmanager.start(server)


@asynccontextmanager
async def temporal_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.temporal
    with site.strike.stops(Part.TEMPORAL):
        await _kill(site, server.process)
        site.gate.open()
        yield
        await temporal.start(server)
        await site.crew.await_worker()


@asynccontextmanager
async def all_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.temporal
    with site.strike.stops(Part.TEMPORAL, Part.WORKER):
        for process in (server.process, site.crew.webhook.process, site.crew.worker.process):
            await _kill(site, process)
        await site.gate.cut()
        yield
        await temporal.start(server)
        await site.crew.start()


@asynccontextmanager
async def database_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.postgres
    await _kill(site, server.process)
    site.gate.open()
    yield
    await postgres.start(server)


def _complain(site: Site, complaint: str | None) -> None:
    if complaint is not None:
        site.complaints.append(complaint)
