"""A stack in a process of its own, a tiny application, and how to look at both."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from deploy.local import container, probes
from deploy.local.engine import Engine
from deploy.local.identity import Identity
from deploy.local.state import State
from tests.e2e import leftovers

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_CLEAN_UP = 45
ENDLESS = [sys.executable, "-c", "import time\nwhile True: time.sleep(1)"]


async def gone(processes: list[Identity], within: float = SECONDS_TO_CLEAN_UP) -> list[Identity]:
    """Those still alive after that many seconds, at the latest."""

    async def ask() -> str | None:
        return "alive" if any(process.is_alive() for process in processes) else None

    await probes.until(ask, within)
    return [process for process in processes if process.is_alive()]


class Runner:
    """A stack in a process of its own, which a test may end in any way."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.stack_runner", str(folder)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    async def wait_ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.to_thread(self.process.stdout.readline)
        return dict(json.loads(line))

    async def end(self, number: signal.Signals) -> int:
        """Its exit code; raises TimeoutError with what it still has, if it takes too long."""
        self.process.send_signal(number)
        try:
            return await asyncio.to_thread(self.process.wait, SECONDS_TO_CLEAN_UP)
        except subprocess.TimeoutExpired:
            left = leftovers.recorded(self.folder)
            raise TimeoutError(f"not ended within {SECONDS_TO_CLEAN_UP} s; it still has {left}") from None

    def discard(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def assert_nothing_left(folder: Path, borrowed: list[Path]) -> None:
    assert leftovers.recorded(folder) == []
    assert leftovers.mounts_below([folder, *borrowed]) == []
    assert [path for path in borrowed if path.exists()] == []


async def scraped(client: httpx.AsyncClient, url: str, query: str, value: str) -> str | None:
    """None as soon as the query gives this one value, else what it gives after ten seconds."""

    async def ask() -> str | None:
        answer = await client.get(f"{url}/api/v1/query", params={"query": query})
        found = [row["value"][1] for row in answer.json()["data"]["result"]]
        return None if found == [value] else f"{query} is {found}"

    return await probes.until(ask, 10)


def containers_of(engine: Engine) -> set[str]:
    with engine.client() as client:
        return {str(found.name) for found in client.containers.list(all=True)}


def program(state: State, name: str, *, with_port: bool = True) -> container.Program:
    """A tiny application that says ok."""
    package = state.directory("tiny")
    (package / "__main__.py").write_text(
        "import http.server, os\n"
        "class Page(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'ok')\n"
        "address = ('127.0.0.1', int(os.environ['TARGET_PORT']))\n"
        "http.server.ThreadingHTTPServer(address, Page).serve_forever()\n"
    )
    port = state.port(name)
    return container.Program(
        name=name,
        package=package,
        python=ROOT / ".venv-target" / "bin" / "python",
        environment={"TARGET_PORT": str(port)} if with_port else {},
        health=f"http://127.0.0.1:{port}/",
    )
