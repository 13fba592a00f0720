"""poolmedic as processes that can be ended one by one: a webhook, a worker, and a spare one."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import probes
from deploy.local.errors import ProgramMissing
from deploy.local.ports import LOOPBACK
from deploy.local.process import Command, Process
from deploy.local.state import State

SECONDS_TO_START = 60.0
SECONDS_TO_RETURN = 15.0
"""Of a worker, once Temporal is there again."""
LIBRARIES = Path("/usr/lib")
GRACE = 10.0
"""Seconds in which a process that is asked to end has to."""


@dataclass(frozen=True)
class Member:
    """One process, and where it says that it is ready."""

    process: Process
    url: str

    async def start(self) -> None:
        """Start it, again if need be; returns once it does its work."""
        self.process.start()
        await self.process.wait_ready(probes.http(f"{self.url}/readyz"), SECONDS_TO_START)

    async def kill(self) -> None:
        """By SIGKILL."""
        await self.process.kill()

    async def stop(self) -> str | None:
        """By SIGTERM; what was not as it should be, in words."""
        await self.process.stop()
        code = self.process.exit_code
        return None if code in (0, None) else f"{self.process.command.name} ended with {code}"


@dataclass(frozen=True)
class Crew:
    """The spare runs only where a fault says so."""

    webhook: Member
    worker: Member
    spare: Member

    async def start(self) -> None:
        """Whatever of the worker and the webhook does not run; a webhook is ready once a worker is there."""
        for member in (self.worker, self.webhook):
            if not member.process.is_running():
                await member.start()

    async def await_worker(self) -> None:
        """Until a worker asks Temporal for work again, by the webhook's word; raises NotReady."""
        probe = probes.http(f"{self.webhook.url}/readyz")
        await self.webhook.process.wait_ready(probe, SECONDS_TO_RETURN)

    async def stop(self) -> None:
        """All of them."""
        for member in (self.webhook, self.worker, self.spare):
            await member.stop()


def hire(state: State, environment: Mapping[str, str], gate: str, port: int, folder: Path) -> Crew:
    """None runs yet. The webhook is to listen on this port; only the first worker goes by the gate."""

    def member(name: str, kind: str, at: int, **settings: str) -> Member:
        command = Command(
            name=name,
            arguments=[Path(sys.executable).parent / "poolmedic", kind],
            environment={**environment, **settings},
            directory=folder,
            grace=GRACE,
        )
        return Member(Process(state, command), f"http://{LOOPBACK}:{at}")

    first, second = state.port("worker-1"), state.port("worker-2")
    return Crew(
        member("webhook", "webhook", port, POOLMEDIC_PORT=str(port)),
        member("worker-1", "worker", first, POOLMEDIC_WORKER_PORT=str(first), TEMPORAL_ADDRESS=gate),
        member("worker-2", "worker", second, POOLMEDIC_WORKER_PORT=str(second)),
    )


def on_another_clock(member: Member, offset: str) -> Member:
    """The same on a host whose calendar is off; nobody waits for longer or shorter. Raises ProgramMissing."""
    command = member.process.command
    clock = {"LD_PRELOAD": str(_find_library()), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    skewed = dataclasses.replace(
        command, name=f"{command.name}{offset}", environment={**command.environment, **clock}
    )
    return Member(Process(member.process.state, skewed), member.url)


def _find_library() -> Path:
    """Of the Debian package faketime; raises ProgramMissing."""
    found = next(LIBRARIES.glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        raise ProgramMissing("faketime", "run `make chaos`, or install the Debian package faketime")
    return found
