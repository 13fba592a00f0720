"""Alertmanager, routing the exhausted pool to poolmedic and everything else to people."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local import probes, templates
from deploy.local.ports import LOOPBACK
from deploy.local.process import Command, Process
from deploy.local.prometheus import find_program
from deploy.local.state import State

SECONDS_TO_START = 60.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where alerts go, and how long to collect before sending; the waits are Alertmanager durations."""

    poolmedic_url: str
    people_url: str
    token_file: Path
    group_wait: str = "30s"
    group_interval: str = "5m"
    poolmedic_group_wait: str = "0s"
    poolmedic_group_interval: str = "30s"
    poolmedic_repeat_interval: str = "5m"
    name: str = "alertmanager"


@dataclass(frozen=True)
class Alertmanager:
    """A running server; ``url`` is its API, ``address`` what Prometheus sends to."""

    process: Process
    address: str

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@contextlib.asynccontextmanager
async def serve(state: State, settings: Settings) -> AsyncIterator[Alertmanager]:
    """Run it until the block ends; raises StackError if it does not come up."""
    address = f"{LOOPBACK}:{state.port(settings.name)}"
    server = Alertmanager(Process(state, _command(state, settings, address)), address)
    try:
        await start(server)
        yield server
    finally:
        await server.process.stop()


async def start(server: Alertmanager) -> None:
    """Start the process, again if need be, and return once it takes alerts."""
    server.process.start()
    await server.process.wait_ready(probes.http(f"{server.url}/-/ready"), SECONDS_TO_START)


def _command(state: State, settings: Settings, address: str) -> Command:
    folder = state.fresh_directory(settings.name)
    configuration = templates.render(
        "alertmanager.yml.j2",
        folder / "alertmanager.yml",
        poolmedic_url=settings.poolmedic_url,
        people_url=settings.people_url,
        token_file=str(settings.token_file),
        group_wait=settings.group_wait,
        group_interval=settings.group_interval,
        poolmedic_group_wait=settings.poolmedic_group_wait,
        poolmedic_group_interval=settings.poolmedic_group_interval,
        poolmedic_repeat_interval=settings.poolmedic_repeat_interval,
    )
    line = [find_program("prometheus-alertmanager", "alertmanager"), f"--config.file={configuration}"]
    line += [f"--storage.path={folder / 'data'}", f"--web.listen-address={address}"]
    # An empty address turns gossip off: there is one Alertmanager, and it listens on loopback only.
    line += ["--cluster.listen-address=", "--log.level=warn"]
    return Command(name=settings.name, arguments=line)
