"""The command line as a person runs it: another process, beside a real Temporal server and a worker."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from tests.fakes.ports import activities
from tests.fakes.world import World
from workflows.incident import Incident
from workflows.sandbox import runner
from workflows.temporary_change import TemporaryChange

ROOT = Path(__file__).parents[2]
SECONDS = 30.0


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.out)


async def poolmedic(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    within: float = SECONDS,
    prefix: Sequence[str] = (),
) -> Said:
    """Run `poolmedic` to its end. `prefix`: a program that becomes it, and its arguments."""
    child = await begin(*arguments, environment=environment, prefix=prefix)
    out, err = await asyncio.wait_for(child.communicate(), within)
    assert child.returncode is not None
    return Said(child.returncode, out.decode(), err.decode())


async def begin(
    *arguments: str, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> asyncio.subprocess.Process:
    """Start `poolmedic`; whoever called reads it and waits for it."""
    return await asyncio.create_subprocess_exec(
        *(*prefix, sys.executable, "-m", "worker", *arguments),
        cwd=ROOT,
        env=clean_environment() | {"COLUMNS": "160"} | dict(environment or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def clean_environment() -> dict[str, str]:
    """Ours, without any setting of the person who runs the tests."""
    ours = ("POOLMEDIC_", "TEMPORAL_", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@asynccontextmanager
async def working(client: Client, world: World) -> AsyncIterator[str]:
    """A worker whose ports reach a simulated world; gives its task queue."""
    queue = f"cli-{world.target.name}"
    with ThreadPoolExecutor(2) as threads:
        async with Worker(
            client,
            task_queue=queue,
            workflows=[Incident, TemporaryChange],
            activities=activities(world),
            activity_executor=threads,
            workflow_runner=runner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        ):
            yield queue
