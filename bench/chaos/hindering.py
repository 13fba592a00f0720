"""What goes on and does not work: frozen, full, late, mad, by another clock, or in somebody else's hands."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from bench.chaos.crew import on_another_clock
from bench.chaos.relay import Spoiling
from bench.chaos.site import Site
from deploy.demo.decoys import Connection, Decoy, Opening, identities
from deploy.demo.faults import Ground
from deploy.local import identity, probes
from deploy.local.postgres import SUPERUSER

MOST_SESSIONS = 100
SECONDS_TO_ALERT = 45.0
SECONDS_BETWEEN_STATEMENTS = 0.2


def by_clock(offset: str) -> Callable[[Site], AbstractAsyncContextManager[None]]:
    """The webhook's host has another time, until it has taken an alert."""

    @asynccontextmanager
    async def during(site: Site) -> AsyncIterator[None]:
        skewed = on_another_clock(site.crew.webhook, offset)
        await site.crew.webhook.stop()
        try:
            await skewed.start()
            site.gate.open()
            yield
            await probes.until(lambda: _why_not_taken(site), SECONDS_TO_ALERT)
        finally:
            await skewed.stop()
        await site.crew.webhook.start()

    return during


async def _why_not_taken(site: Site) -> str | None:
    return None if await site.events() else "no incident yet"


async def open_listed(site: Site, ground: Ground) -> None:
    """As idle in a transaction as those that are forgotten, by the same role and name, and not forgotten."""
    server = site.stage.stack.postgres
    opening = Opening(server, ground.holding)
    role, application = server.settings.application_role, site.stage.target
    site.listed = await opening.hold(role, application)
    seen = await identities(server, [site.listed.get_server_pid()])
    what = "a listed session that works again"
    ground.beside.extend(Decoy(what, pid, *times) for pid, times in seen.items())


@asynccontextmanager
async def works_again(site: Site) -> AsyncIterator[None]:
    """It goes on for as long as the trial does: whenever it rested it would be listed, and rightly."""

    async def work(connection: Connection) -> None:
        while not connection.is_closed():
            await connection.fetchval("SELECT 1")
            await asyncio.sleep(SECONDS_BETWEEN_STATEMENTS)

    if site.listed is not None:
        await site.listed.fetchval("SELECT 1")
        site.work = asyncio.create_task(work(site.listed))
    site.gate.open()
    yield


@asynccontextmanager
async def database_frozen(site: Site) -> AsyncIterator[None]:
    processes = _family(site.stage.stack.postgres.process.pid)
    for process in processes:
        process.signal(signal.SIGSTOP)
    site.gate.open()
    try:
        yield
    finally:
        for process in processes:
            process.signal(signal.SIGCONT)


@asynccontextmanager
async def database_full(site: Site) -> AsyncIterator[None]:
    """Every slot is taken, those for administrators too."""
    server = site.stage.stack.postgres
    async with AsyncExitStack() as held:
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            for _ in range(MOST_SESSIONS):
                connection = await asyncpg.connect(server.dsn(SUPERUSER, SUPERUSER))
                held.push_async_callback(connection.close)
        site.gate.open()
        yield


@asynccontextmanager
async def disk_full(site: Site) -> AsyncIterator[None]:
    """No file of the worker may grow, be it a report or its log."""
    pid = site.crew.worker.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    site.gate.open()
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def operator_ends_sessions(site: Site) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(site.free_pool())
        site.gate.open()
    yield


@asynccontextmanager
async def operator_restarts(site: Site) -> AsyncIterator[None]:
    def restart() -> None:
        with site.stage.stack.engine.client() as client:
            client.containers.get(site.stage.application.name).restart(timeout=5)

    site.operator_restarts += 1
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(restart))
        site.gate.open()
    yield


def spoilt(source: str, spoiling: Spoiling) -> Callable[[Site], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def during(site: Site) -> AsyncIterator[None]:
        with site.relays[source].spoilt(spoiling):
            site.gate.open()
            yield

    return during


def _family(pid: int) -> list[identity.Identity]:
    """The process and its children; PostgreSQL gives each of them a session of its own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = (identity.identify(each) for each in (pid, *map(int, children)))
    return [each for each in found if each is not None]
