"""The Temporal dev server with its UI, on a file database."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.local import probes
from deploy.local.errors import ProgramMissing, StackError
from deploy.local.ports import LOOPBACK
from deploy.local.process import Command, Process
from deploy.local.state import State

SECONDS_TO_START = 60.0
NAMESPACE = "default"


class RetentionRefused(StackError):
    """Temporal did not take the retention: incidents would be forgotten after a day. Its log says why."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``retention_days`` outlives the incident, for the audit; ``search_attributes`` maps name to type."""

    search_attributes: Mapping[str, str] = field(default_factory=dict)
    dynamic_config: Mapping[str, str] = field(default_factory=dict)
    retention_days: int = 90
    name: str = "temporal"


@dataclass(frozen=True)
class Temporal:
    """A running server: ``address`` for clients, ``ui`` for people."""

    process: Process
    settings: Settings
    address: str
    ui: str
    metrics: str
    http: str


@contextlib.asynccontextmanager
async def serve(state: State, settings: Settings) -> AsyncIterator[Temporal]:
    """Run it until the block ends; raises StackError if it does not come up."""
    name = settings.name
    grpc, http, ui, metrics = (state.port(f"{name}-{part}") for part in ("grpc", "http", "ui", "metrics"))
    ports = [
        "--port",
        f"{grpc}",
        "--http-port",
        f"{http}",
        "--ui-port",
        f"{ui}",
        "--metrics-port",
        f"{metrics}",
    ]
    database = state.fresh_directory(name) / "temporal.db"
    process = Process(state, Command(name=name, arguments=[*_line(settings, database), *ports], grace=15.0))
    server = Temporal(
        process=process,
        settings=settings,
        address=f"{LOOPBACK}:{grpc}",
        ui=f"http://{LOOPBACK}:{ui}",
        metrics=f"http://{LOOPBACK}:{metrics}/metrics",
        http=f"http://{LOOPBACK}:{http}",
    )
    try:
        await start(server)
        await _retain(server, settings.retention_days)
        yield server
    finally:
        await process.stop()


async def start(server: Temporal) -> None:
    """Start the process, again if need be; returns once it has the search attributes and its UI answers."""
    server.process.start()
    await server.process.wait_ready(_knows_attributes(server), SECONDS_TO_START)
    await server.process.wait_ready(probes.http(server.ui), SECONDS_TO_START)


def _knows_attributes(server: Temporal) -> probes.Probe:
    url = f"{server.http}/cluster/namespaces/{NAMESPACE}/search-attributes"

    async def ask() -> str | None:
        try:
            async with httpx.AsyncClient(timeout=probes.SECONDS_TO_ANSWER, trust_env=False) as client:
                answer = await client.get(url)
        except httpx.HTTPError as exc:
            return f"{url}: {exc}"
        if answer.is_error:
            return f"{url} answered {answer.status_code}"
        missing = server.settings.search_attributes.keys() - answer.json().get("customAttributes", {}).keys()
        return f"search attributes not yet registered: {sorted(missing)}" if missing else None

    return ask


def _line(settings: Settings, database: Path) -> list[str | Path]:
    line: list[str | Path] = [find_program(), "server", "start-dev", "--ip", LOOPBACK, "--ui-ip", LOOPBACK]
    line += ["--db-filename", database, "--ui-disable-news-fetch", "--log-level", "warn"]
    line += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    # At the default of 20 every step of a workflow waits 50 ms for its turn.
    dynamic = {"history.transferProcessorMaxPollRPS": "1000", **settings.dynamic_config}
    for key, value in dynamic.items():
        line += ["--dynamic-config-value", f"{key}={value}"]
    for attribute, kind in settings.search_attributes.items():
        line += ["--search-attribute", f"{attribute}={kind}"]
    return line


def find_program() -> Path:
    """The `temporal` command of this virtual environment, else of PATH; raises ProgramMissing."""
    ours = Path(sys.executable).parent / "temporal"
    found = str(ours) if ours.exists() else shutil.which("temporal")
    if found is None:
        raise ProgramMissing("temporal", "run `make setup`")
    return Path(found)


async def _retain(server: Temporal, days: int) -> None:
    wanted = f"{days * 86400}s"
    url = f"{server.http}/api/v1/namespaces/{NAMESPACE}"
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"config": {"workflowExecutionRetentionTtl": wanted}}
        answer = await client.post(f"{url}/update", json=body)
        if answer.is_error:
            raise RetentionRefused(f"Temporal refused a retention of {days} days: {answer.text}")
        kept = (await client.get(url)).json()["config"]["workflowExecutionRetentionTtl"]
    if kept != wanted:
        raise RetentionRefused(f"Temporal keeps closed workflows for {kept} instead of {wanted}")
