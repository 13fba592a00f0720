"""A running stack with poolmedic's worker on it: where drills are played, one after the other."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.demo import application, configuration
from deploy.demo.application import Application
from deploy.demo.decoys import STRANGER
from deploy.demo.scenario import Scenario
from deploy.demo.times import Times
from deploy.local import postgres, probes, stack, target, temporal
from deploy.local.process import Command, Process
from deploy.local.stack import Progress, Stack, Started
from workflows import attributes, naming

SECONDS_TO_START = 60.0
CONFIGURATION = "poolmedic.yaml"
REPORTS = "reports"


@dataclass
class Worker:
    """`poolmedic run` as a process that may be ended in any way and started again."""

    process: Process
    url: str

    async def start(self) -> None:
        """Start it, again if need be; returns once it takes alerts and incidents."""
        self.process.start()
        await self.process.wait_ready(probes.http(f"{self.url}/readyz"), SECONDS_TO_START)

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        await self.process.stop()


@dataclass(frozen=True)
class Stage:
    """Everything a drill touches or asks."""

    stack: Stack
    times: Times
    folder: Path
    worker: Worker
    application: Application
    """The instance that breaks."""
    others: tuple[Application, ...]
    client: Client

    @property
    def applications(self) -> tuple[Application, ...]:
        """Every instance."""
        return (self.application, *self.others)

    @property
    def target(self) -> str:
        """The target's name in the configuration."""
        return self.stack.settings.target.service

    @property
    def workflow_id(self) -> str:
        return naming.workflow_id(self.target)

    @property
    def change_id(self) -> str:
        """The workflow that reverts a temporary size."""
        return f"temporary/{self.target}"

    async def turn_to(self, scenario: Scenario, times: Times) -> Stage:
        """The same stage with a worker that works by this scenario's rules; nothing else starts anew.

        The containers keep their pools and Prometheus its pace: the scenario must be one for these instances
        and this size of pool, and ``times`` may differ only in what concerns the worker.
        """
        await self.worker.stop()
        configuration.write_configuration(self.stack, scenario, times, self.folder / CONFIGURATION)
        await self.worker.start()
        return replace(self, times=times)


@contextlib.asynccontextmanager
async def open_stage(
    folder: Path, scenario: Scenario, times: Times, progress: Progress = lambda _started: None
) -> AsyncIterator[Stage]:
    """Bring all of it up below this folder for the block; raises StackError."""
    async with stack.run(folder / "stack", _settings(folder, scenario, times), progress) as running:
        worker = await _prepare_worker(running, scenario, times, folder)
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(worker.stop)
            began = time.monotonic()
            await worker.start()
            progress(Started("poolmedic", worker.url, time.monotonic() - began))
            found = {
                each.application.instance: await closing.enter_async_context(
                    application.reach(running.state, each)
                )
                for each in running.targets
            }
            broken = found.pop(scenario.broken)
            client = await Client.connect(running.temporal.address, data_converter=pydantic_data_converter)
            yield Stage(running, times, folder, worker, broken, tuple(found.values()), client)


def _settings(folder: Path, scenario: Scenario, times: Times) -> stack.Settings:
    keys = {key.name: "Keyword" for key in attributes.ALL}
    return stack.Settings(
        name=f"demo-{folder.name}",
        times=times.alerting,
        temporal=temporal.Settings(search_attributes=keys),
        postgres=postgres.Settings(roles=(STRANGER,)),
        target=target.Settings(
            instances=scenario.instances, pool_size=scenario.pool_size, acquire_timeout=scenario.patience
        ),
    )


async def _prepare_worker(running: Stack, scenario: Scenario, times: Times, folder: Path) -> Worker:
    written = configuration.write_configuration(running, scenario, times, folder / CONFIGURATION)
    command = Command(
        name=stack.WORKER,
        arguments=[Path(sys.executable).parent / "poolmedic", "run"],
        environment=configuration.describe_environment(running, written, folder / REPORTS),
        directory=folder,
    )
    return Worker(Process(running.state, command), f"http://{running.worker_address}")
