"""The target as a process of its own, on a real PostgreSQL server, and what both say about its pool."""

import asyncio
import contextlib
import json
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.local import probes
from deploy.local.postgres import Postgres
from deploy.local.process import Command, Process
from deploy.local.state import State

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-target" / "bin" / "python"
SCHEMA = ROOT / "deploy" / "target" / "schema.sql"
TOKEN = "drill-token-of-this-test"
APPLICATION = "covetpy-app"
SESSIONS = "SELECT pid, state, backend_xid FROM pg_stat_activity WHERE application_name = $1"
TERMINATE = "SELECT count(pg_terminate_backend(pid)) FROM unnest($1::int[]) AS pid"

type Check = Callable[[], Awaitable[bool]]


@dataclass
class Target:
    """A running target. `client` carries the drill's token."""

    process: Process
    client: httpx.AsyncClient
    server: asyncpg.Connection
    pool_file: Path

    async def page(self, path: str) -> Any:
        return (await self.client.get(path)).json()

    async def status(self, path: str) -> int:
        return (await self.client.get(path)).status_code

    async def metrics(self) -> dict[str, float]:
        """Return every sample by its name and labels as they are printed."""
        text = (await self.client.get("/metrics")).text
        pattern = re.compile(r"^(\S+(?:\{.*\})?) (\S+)$", re.MULTILINE)
        return {name: float(value) for name, value in pattern.findall(text) if name != "#"}

    async def sessions(self) -> list[asyncpg.Record]:
        return await self.server.fetch(SESSIONS, APPLICATION)

    async def leak(self, **fault: object) -> list[int]:
        """Switch the leak on, wait until it has struck, and return the server processes of the sessions."""
        answer = await self.client.post("/fault/leak", json=fault)
        assert answer.status_code == 202, answer.text
        await until(self.has_leaked)
        return await self.leaked_pids()

    async def has_leaked(self) -> bool:
        return bool((await self.page("/fault/leak"))["pending"] == 0)

    async def leaked_pids(self) -> list[int]:
        return [session["backend_pid"] for session in (await self.page("/fault/leak"))["sessions"]]

    async def terminate(self, pids: list[int]) -> None:
        assert await self.server.fetchval(TERMINATE, pids) == len(pids)

    async def reload(self, content: str | Mapping[str, int] | None) -> None:
        """Put a configuration file in place (None: none) and send SIGHUP."""
        self.write_pool_file(content)
        os.kill(self.process.pid, signal.SIGHUP)

    def write_pool_file(self, content: str | Mapping[str, int] | None) -> None:
        if content is None:
            self.pool_file.unlink(missing_ok=True)
            return
        draft = self.pool_file.with_suffix(".draft")
        draft.write_text(content if isinstance(content, str) else json.dumps(content))
        draft.replace(self.pool_file)

    async def has(self, **figures: object) -> bool:
        pool = await self.page("/pool")
        return all(pool[name] == value for name, value in figures.items())

    async def restart(self) -> float:
        """Stop and start it as a container engine would, and return how many seconds the stop took."""
        asked = time.monotonic()
        await self.process.stop()
        stopped = time.monotonic()
        await self.start()
        return stopped - asked

    async def start(self) -> None:
        self.process.start()
        await self.process.wait_ready(probes.http(f"{self.client.base_url}/pool"), 20)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.process.log.read_text().splitlines()]


async def until(check: Check, within: float = 10) -> float:
    """Wait until it holds, and return the seconds that took."""
    started = time.monotonic()
    while not await check():
        assert time.monotonic() - started < within, "did not come about in time"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


async def hold(target: Target, milliseconds: int, requests: int) -> list[int]:
    """Keep connections busy with honest requests and return their statuses."""
    path = f"/orders/7?hold_ms={milliseconds}"
    return list(await asyncio.gather(*(target.status(path) for _ in range(requests))))


def describe_environment(server: Postgres, port: int, pool_file: Path) -> dict[str, str]:
    return {
        "TARGET_PORT": str(port),
        "TARGET_INSTANCE": "orders-1",
        "DATABASE_HOST": server.host,
        "DATABASE_PORT": str(server.port),
        "DATABASE_NAME": server.settings.database,
        "DATABASE_USER": server.settings.application_role,
        "DATABASE_PASSWORD": server.password(server.settings.application_role),
        "DATABASE_APPLICATION_NAME": APPLICATION,
        "POOL_CONFIG_FILE": str(pool_file),
        "DRILL_TOKEN": TOKEN,
    }


def prepare_process(state: State, environment: Mapping[str, str]) -> Process:
    command = Command(
        name=f"target-{time.monotonic_ns()}",
        arguments=[PYTHON, "-m", "target"],
        environment=environment,
        directory=ROOT / "deploy",
    )
    return Process(state, command)


@contextlib.asynccontextmanager
async def run_target(
    state: State, server: Postgres, folder: Path, **environment: str
) -> AsyncIterator[Target]:
    port, pool_file = state.port("target"), folder / "pool.json"
    process = prepare_process(
        state, {**describe_environment(server, port, pool_file), "DATABASE_POOL_SIZE": "4", **environment}
    )
    address = f"http://127.0.0.1:{port}"
    headers = {"X-Drill-Token": TOKEN}
    superuser = await asyncpg.connect(server.superuser_dsn)
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=15, trust_env=False) as client:
        target = Target(process, client, superuser, pool_file)
        try:
            await target.start()
            yield target
        finally:
            await process.stop()
            await superuser.close()
