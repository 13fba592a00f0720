"""What breaks, and how it comes back. A fault is a block: it lasts as long as the block does."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.chaos.crew import by_clock
from bench.chaos.plays import Play
from bench.chaos.relay import Spoiling
from bench.chaos.site import Site
from bench.chaos.spoiling import NONSENSE, cut_in_the_act
from deploy.demo.decoys import Connection, Decoy, Opening, identities
from deploy.demo.faults import Ground
from deploy.local import alertmanager, identity, postgres, probes, prometheus, temporal
from deploy.local.postgres import SUPERUSER

MOST_SESSIONS = 100
SECONDS_TO_ALERT = 45.0
SECONDS_BETWEEN_STATEMENTS = 0.2


@dataclass(frozen=True)
class Fault:
    """``suits`` says of an incident and a step whether it means anything there.

    ``beside`` opens what it needs, before the pool breaks.
    """

    name: str
    during: Callable[[Site], AbstractAsyncContextManager[None]]
    suits: Callable[[Play, str], bool] = lambda _play, _moment: True
    beside: Callable[[Site, Ground], Awaitable[None]] | None = None
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


def _by_clock(offset: str) -> Callable[[Site], AbstractAsyncContextManager[None]]:
    """The webhook's host has another time, until it has taken an alert."""

    @asynccontextmanager
    async def during(site: Site) -> AsyncIterator[None]:
        skewed = by_clock(site.crew.webhook, offset)
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


async def _open_listed(site: Site, ground: Ground) -> None:
    """As idle in a transaction as those that are forgotten, by the same role and name, and not forgotten."""
    server = site.stage.stack.postgres
    opening = Opening(server, ground.holding)
    role, application = server.settings.application_role, site.stage.target
    site.listed = await opening.hold(role, application)
    seen = await identities(server, [site.listed.get_server_pid()])
    what = "a listed session that works again"
    ground.beside.extend(Decoy(what, pid, *times) for pid, times in seen.items())


@asynccontextmanager
async def _works_again(site: Site) -> AsyncIterator[None]:
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
async def _prometheus_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.prometheus
    await server.process.kill()
    site.gate.open()
    yield
    await prometheus.start(server)


@asynccontextmanager
async def _alertmanager_killed(site: Site) -> AsyncIterator[None]:
    server = site.stage.stack.alertmanager
    await server.process.kill()
    site.gate.open()
    yield
    await alertmanager.start(server)


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


def _is_before_the_alert(_play: Play, moment: str) -> bool:
    return moment == "pool exhausted, no alert yet"


def _is_before_sessions_end(play: Play, moment: str) -> bool:
    return play.scenario.ends_sessions and moment == "about to act"


SOURCES: dict[str, Sequence[str]] = {
    "Prometheus": tuple(NONSENSE),
    "Alertmanager": tuple(NONSENSE),
    "the page": tuple(NONSENSE),
    "the receiver": ("gone", "hanging", "late", "an error", "truncated"),
    "the engine": ("gone", "hanging", "late", "a page for people", "an error", "truncated"),
    "the database": ("gone", "hanging", "late"),
}
KILLS = (
    Fault("worker killed", _worker_killed),
    Fault("webhook killed", _webhook_killed),
    Fault("Temporal killed", _temporal_killed),
)
OTHERS = (
    Fault("all of it killed", _all_killed),
    Fault("worker told to end", _worker_told_to_end),
    Fault("one of two workers killed", _one_of_two_killed),
    Fault("rolling restart", _rolled),
    Fault("webhook's clock ten minutes fast", _by_clock("+10m"), _is_before_the_alert),
    Fault("webhook's clock ten minutes slow", _by_clock("-10m"), _is_before_the_alert),
    Fault("a listed session works again", _works_again, _is_before_sessions_end, _open_listed),
    Fault("Prometheus killed", _prometheus_killed),
    Fault("Alertmanager killed", _alertmanager_killed),
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
