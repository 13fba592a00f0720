"""What goes on and does not work: frozen, full, late, mad, by another clock, or in somebody else's hands."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import asyncpg
import httpx

from bench.chaos.crew import on_another_clock
from bench.chaos.relay import Spoiling
from bench.chaos.site import RECEIVER, Site
from bench.chaos.strike import Part
from deploy.demo import witness
from deploy.demo.decoys import Connection, Decoy, Opening, identities
from deploy.demo.faults import Ground
from deploy.demo.stage import REPORTS
from deploy.local import identity
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_log import LogLine

MOST_SESSIONS = 100
SECONDS_TO_ANSWER = 1.0
LEAST_OFF = 300.0
"""Seconds; an answer's date is a whole second, and a busy machine takes a few."""
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
            off = await _seconds_off(skewed.url)
            site.strike.see(f"the webhook's clock is off by {offset}", holds=abs(off) > LEAST_OFF)
            yield
            await site.strike.await_sight("an alert is taken meanwhile", lambda: _why_not_taken(site))
        finally:
            await skewed.stop()
        await site.crew.webhook.start()

    return during


async def _seconds_off(url: str) -> float:
    """By what it dates its answers."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{url}/healthz")
    return (parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)).total_seconds()


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

    pid = 0
    if site.listed is not None:
        pid = site.listed.get_server_pid()
        await site.listed.fetchval("SELECT 1")
        site.work = asyncio.create_task(work(site.listed))
    site.gate.open()
    yield

    async def why_not_asked() -> str | None:
        asked = [each for each in site.stage.stack.postgres.log.asked() if each.at >= site.begun_at]
        return None if any(json.loads(_request(each))["pid"] == pid for each in asked) else "not asked for"

    await site.strike.await_sight("the session is asked for", why_not_asked)


def _request(line: LogLine) -> str:
    return line.message.removeprefix("poolmedic ")


@asynccontextmanager
async def database_frozen(site: Site) -> AsyncIterator[None]:
    processes = _family(site.stage.stack.postgres.process.pid)
    for process in processes:
        process.signal(signal.SIGSTOP)
    site.gate.open()
    try:
        yield
        site.strike.see("the database does not answer", holds=not await _answers(site))
    finally:
        for process in processes:
            process.signal(signal.SIGCONT)


async def _answers(site: Site) -> bool:
    server = site.stage.stack.postgres
    try:
        connection = await asyncpg.connect(server.dsn(SUPERUSER, SUPERUSER), timeout=SECONDS_TO_ANSWER)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


@asynccontextmanager
async def database_full(site: Site) -> AsyncIterator[None]:
    """Every slot is taken, those for administrators too."""
    server = site.stage.stack.postgres
    async with AsyncExitStack() as held:
        is_refused = False
        try:
            for _ in range(MOST_SESSIONS):
                connection = await asyncpg.connect(server.dsn(SUPERUSER, SUPERUSER))
                held.push_async_callback(connection.close)
        except asyncpg.TooManyConnectionsError:
            is_refused = True
        site.strike.see("the database refuses its administrator", holds=is_refused)
        site.gate.open()
        yield


@asynccontextmanager
async def disk_full(site: Site) -> AsyncIterator[None]:
    """No file of the worker may grow, be it a report or its log."""
    pid = site.crew.worker.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    began = time.time()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    site.gate.open()

    async def why_not_refused() -> str | None:
        return None if is_refused(site.stage.folder / REPORTS, began) else "nobody tried to write a report"

    try:
        yield
        await site.strike.await_sight("a report's write is refused", why_not_refused)
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def is_refused(reports: Path, since: float) -> bool:
    """Somebody began a file there, and none came of it: by the times that the kernel keeps."""
    folders = [reports, *(each for each in reports.rglob("*") if each.is_dir())] if reports.exists() else []
    is_begun = any(each.stat().st_mtime > since for each in folders)
    files = [file for each in folders for file in each.iterdir() if file.is_file()]
    return is_begun and not any(file.stat().st_mtime > since for file in files)


@asynccontextmanager
async def operator_ends_sessions(site: Site) -> AsyncIterator[None]:
    began, ended = datetime.now(UTC), set[int]()

    async def end() -> None:
        ended.update(await site.free_pool())

    async with asyncio.TaskGroup() as group:
        group.create_task(end())
        site.gate.open()
    yield

    async def why_not_ended() -> str | None:
        lines = witness.ended_since(site.stage, began)
        return None if {line.pid for line in lines} & ended else "no session was ended"

    await site.strike.await_sight("sessions are ended by the operator", why_not_ended)


@asynccontextmanager
async def operator_restarts(site: Site) -> AsyncIterator[None]:
    def restart() -> None:
        with site.stage.stack.engine.client() as client:
            client.containers.get(site.stage.application.name).restart(timeout=5)

    began, name = datetime.now(UTC), site.stage.application.name
    site.operator_restarts += 1
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(restart))
        site.gate.open()
    yield
    events = await witness.starts_since(site.stage, name, began)
    is_restarted = any(event.action == "restart" for event in events)
    site.strike.see("the operator's restart is in the engine's events", holds=is_restarted)


def spoilt(source: str, spoiling: Spoiling) -> Callable[[Site], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def during(site: Site) -> AsyncIterator[None]:
        relay = site.relays[source]

        async def why_not_struck() -> str | None:
            return None if relay.struck else "nobody asked"

        parts = (Part.RECEIVER,) if source == RECEIVER else ()
        with site.strike.stops(*parts), relay.spoilt(spoiling):
            site.gate.open()
            yield
            await site.strike.await_sight(f"{source} is asked and answers so", why_not_struck)

    return during


def _family(pid: int) -> list[identity.Identity]:
    """The process and its children; PostgreSQL gives each of them a session of its own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = (identity.identify(each) for each in (pid, *map(int, children)))
    return [each for each in found if each is not None]
