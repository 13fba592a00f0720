"""What breaks, and how it comes back. A fault is a block: it lasts as long as the block does."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.chaos.relay import Spoiling
from bench.chaos.site import Site
from bench.chaos.spoiling import NONSENSE, cut_in_the_act
from deploy.local import identity, postgres, temporal
from deploy.local.postgres import SUPERUSER

MOST_SESSIONS = 100


@dataclass(frozen=True)
class Fault:
    """``ends`` names what of poolmedic or Temporal is ended: pages that come due meanwhile wait for it."""

    name: str
    during: Callable[[Site], AbstractAsyncContextManager[None]]
    ends: bool = False
    spares_database: bool = True
    """Whether the sessions of others live on."""
    ends_sessions: bool = False
    """Whether it is somebody else who ends what was forgotten."""


@asynccontextmanager
async def _worker_killed(site: Site) -> AsyncIterator[None]:
    await site.crew.worker.kill()
    await site.gate.cut()
    yield
    await site.crew.worker.start()


@asynccontextmanager
async def _worker_told_to_end(site: Site) -> AsyncIterator[None]:
    site.gate.open()
    _complain(site, await site.crew.worker.stop())
    yield
    await site.crew.worker.start()


@asynccontextmanager
async def _one_of_two_killed(site: Site) -> AsyncIterator[None]:
    await site.crew.spare.start()
    await site.crew.worker.kill()
    await site.gate.cut()
    yield
    await site.crew.worker.start()


@asynccontextmanager
async def _rolled(site: Site) -> AsyncIterator[None]:
    """One after the other is replaced, as a deployment does."""
    site.gate.open()
    await site.crew.spare.start()
    _complain(site, await site.crew.worker.stop())
    yield
    await site.crew.worker.start()
    _complain(site, await site.crew.spare.stop())


@asynccontextmanager
async def _webhook_killed(site: Site) -> AsyncIterator[None]:
    await site.crew.webhook.kill()
    site.gate.open()
    yield
    await site.crew.webhook.start()


@asynccontextmanager
async def _temporal_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.temporal
    await server.process.kill()
    site.gate.open()
    yield
    await temporal.start(server)


@asynccontextmanager
async def _all_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.temporal
    for process in (server.process, site.crew.webhook.process, site.crew.worker.process):
        await process.kill()
    await site.gate.cut()
    yield
    await temporal.start(server)
    await site.crew.start()


@asynccontextmanager
async def _database_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.postgres
    await server.process.kill()
    site.gate.open()
    yield
    await postgres.start(server)


@asynccontextmanager
async def _database_frozen(site: Site) -> AsyncIterator[None]:
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
async def _database_full(site: Site) -> AsyncIterator[None]:
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
async def _disk_full(site: Site) -> AsyncIterator[None]:
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
async def _operator_ends_sessions(site: Site) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(site.free_pool())
        site.gate.open()
    yield


@asynccontextmanager
async def _operator_restarts(site: Site) -> AsyncIterator[None]:
    def restart() -> None:
        with site.stage.stack.engine.client() as client:
            client.containers.get(site.stage.application.name).restart(timeout=5)

    site.operator_restarts += 1
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(restart))
        site.gate.open()
    yield


def _spoilt(source: str, spoiling: Spoiling) -> Callable[[Site], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def during(site: Site) -> AsyncIterator[None]:
        with site.relays[source].spoilt(spoiling):
            site.gate.open()
            yield

    return during


SOURCES: dict[str, Sequence[str]] = {
    "Prometheus": tuple(NONSENSE),
    "Alertmanager": tuple(NONSENSE),
    "the page": tuple(NONSENSE),
    "the receiver": ("gone", "hanging", "late", "an error", "truncated"),
    "the engine": ("gone", "hanging", "late", "a page for people", "an error", "truncated"),
    "the database": ("gone", "hanging", "late"),
}
KILLS = (
    Fault("worker killed", _worker_killed, ends=True),
    Fault("webhook killed", _webhook_killed, ends=True),
    Fault("Temporal killed", _temporal_killed, ends=True),
)
OTHERS = (
    Fault("all of it killed", _all_killed, ends=True),
    Fault("worker told to end", _worker_told_to_end, ends=True),
    Fault("one of two workers killed", _one_of_two_killed, ends=True),
    Fault("rolling restart", _rolled, ends=True),
    Fault("database killed", _database_killed, spares_database=False),
    Fault("database frozen", _database_frozen),
    Fault("database full", _database_full),
    Fault("statement cut off", _spoilt("the database", cut_in_the_act)),
    Fault("disk full", _disk_full),
    Fault("an operator ends the sessions", _operator_ends_sessions, ends_sessions=True),
    Fault("an operator restarts the container", _operator_restarts),
    *(
        Fault(f"{source}: {how}", _spoilt(source, NONSENSE[how]))
        for source, ways in SOURCES.items()
        for how in ways
    ),
)
BY_NAME = {fault.name: fault for fault in (*KILLS, *OTHERS)}


def _complain(site: Site, complaint: str | None) -> None:
    if complaint is not None:
        site.complaints.append(complaint)


def _family(pid: int) -> list[identity.Identity]:
    """The process and its children; PostgreSQL gives each of them a session of its own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = (identity.identify(each) for each in (pid, *map(int, children)))
    return [each for each in found if each is not None]
