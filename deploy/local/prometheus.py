"""Prometheus with the project's rules, scraping what it is told."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.local import probes, templates
from deploy.local.errors import ProgramMissing
from deploy.local.ports import LOOPBACK
from deploy.local.process import Command, Process
from deploy.local.state import State

SECONDS_TO_START = 60.0


@dataclass(frozen=True)
class Application:
    """One instance of an application: where its /metrics is, and the labels that the rules group by."""

    address: str
    service: str
    instance: str


@dataclass(frozen=True)
class Job:
    """Something else to scrape: where its /metrics is, and the file that holds its token if it wants one."""

    address: str
    token_file: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``waits`` shortens the ``for`` of named alerts; ``jobs`` are further things to scrape, by job name.

    ``resend_delay`` is how soon a firing alert is sent again, also to an Alertmanager that came back.
    """

    scrape_interval: str = "15s"
    scrape_timeout: str = "10s"
    alertmanagers: Sequence[str] = ()
    resend_delay: str = "1m"
    waits: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    name: str = "prometheus"


@dataclass(frozen=True)
class Prometheus:
    """A running server; ``url`` is its API."""

    process: Process
    settings: Settings
    url: str
    applications_file: Path

    def watch(self, applications: Sequence[Application]) -> None:
        """Scrape these instances from now on, instead of those before; it notices within seconds."""
        write_applications(self.applications_file, applications)


@contextlib.asynccontextmanager
async def serve(
    state: State, settings: Settings, applications: Sequence[Application] = ()
) -> AsyncIterator[Prometheus]:
    """Run it until the block ends; raises StackError if it does not come up."""
    folder = state.fresh_directory(settings.name)
    listed = folder / "applications.json"
    write_applications(listed, applications)
    address = f"{LOOPBACK}:{state.port(settings.name)}"
    process = Process(state, _command(_configure(folder, settings, listed), settings, folder, address))
    server = Prometheus(process, settings, f"http://{address}", listed)
    try:
        await start(server)
        yield server
    finally:
        await process.stop()


async def start(server: Prometheus) -> None:
    """Start the process, again if need be; returns once it answers and has found its Alertmanagers."""
    server.process.start()
    await server.process.wait_ready(probes.http(f"{server.url}/-/ready"), SECONDS_TO_START)
    await server.process.wait_ready(_sends_alerts(server), SECONDS_TO_START)


def _sends_alerts(server: Prometheus) -> probes.Probe:
    """It takes five seconds to find them, and what fires before that waits for ``resend_delay``."""

    async def ask() -> str | None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{server.url}/api/v1/alertmanagers")
        found = len(answer.json()["data"]["activeAlertmanagers"])
        wanted = len(server.settings.alertmanagers)
        return None if found == wanted else f"{found} of {wanted} Alertmanagers found"

    return ask


def write_applications(file: Path, applications: Sequence[Application]) -> None:
    groups = [
        {"targets": [each.address], "labels": {"service": each.service, "instance": each.instance}}
        for each in applications
    ]
    complete = file.with_suffix(".new")
    complete.write_text(json.dumps(groups, indent=2))
    complete.replace(file)


def find_program(*names: str) -> str:
    """Path of the first of these programs that is there; raises ProgramMissing."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/bin", "/usr/sbin", "/usr/local/bin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise ProgramMissing(names[0], f"run `make setup`, or install the Debian package {names[0]}")


def _configure(folder: Path, settings: Settings, listed: Path) -> Path:
    return templates.render(
        "prometheus.yml.j2",
        folder / "prometheus.yml",
        scrape_interval=settings.scrape_interval,
        scrape_timeout=settings.scrape_timeout,
        rules=str(templates.render_rules(folder / "rules.yml", dict(settings.waits))),
        alertmanagers=list(settings.alertmanagers),
        applications=str(listed),
        jobs=dict(settings.jobs),
    )


def _command(configuration: Path, settings: Settings, folder: Path, address: str) -> Command:
    line: list[str | Path] = [find_program("prometheus"), f"--config.file={configuration}"]
    line += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}", "--log.level=warn"]
    line += [f"--rules.alert.resend-delay={settings.resend_delay}"]
    return Command(name=settings.name, arguments=line)
