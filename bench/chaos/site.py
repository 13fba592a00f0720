"""What a trial runs on: the stack, poolmedic as separate processes, and a relay before each source."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowExecutionDescription
from temporalio.service import RPCError

from bench.chaos.crew import Crew, hire
from bench.chaos.plays import SIZE, TIMES
from bench.chaos.relay import Relay
from bench.chaos.strike import Strike
from deploy.demo import clearance, configuration, incident
from deploy.demo.decoys import Connection
from deploy.demo.gate import Gate
from deploy.demo.scenario import Scenario
from deploy.demo.stage import CONFIGURATION, REPORTS, Stage, open_stage
from deploy.local import probes
from deploy.local.stack import Stack
from deploy.local.target import POOL_FILE
from workflows.naming import database_id

EVER = datetime.min.replace(tzinfo=UTC)
SECONDS_TO_CLEAR = 60.0
RECEIVER = "the receiver"
OUT_OF_REACH = (RPCError, OSError, httpx.HTTPError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What people meet while something is broken; they try again."""


@dataclass
class Site:
    """Where trials are run, one after the other."""

    stage: Stage
    seen_stack: Stack
    """As the worker sees it: every source behind its relay."""
    gate: Gate
    relays: Mapping[str, Relay]
    crew: Crew
    begun_at: datetime = EVER
    """When the trial that runs now began."""
    complaints: list[str] = field(default_factory=list)
    """What was not as it should be while a fault was struck."""
    strike: Strike = field(default_factory=Strike)
    """What the fault of this trial did."""
    operator_restarts: int = 0
    """How often somebody else restarted the container in this trial."""
    listed: Connection | None = None
    """A session that looks forgotten, and will work again."""
    work: asyncio.Task[None] | None = None
    _rules: Scenario | None = None

    async def prepare(self, scenario: Scenario) -> None:
        """A crew by this scenario's rules, and nothing of an earlier trial."""
        self.gate.open()
        await self.crew.spare.stop()
        if self._rules != scenario:
            await self.crew.stop()
            times = TIMES.model_copy(update=dict(scenario.times))
            to = self.stage.folder / CONFIGURATION
            configuration.write_configuration(self.seen_stack, scenario, times, to)
            self._rules = scenario
        # Whatever Alertmanager has still to tell of the trial before is told before this one begins.
        await self.crew.start()
        await self._clear()
        self.begun_at = datetime.now(UTC)
        self.complaints.clear()
        self.strike = Strike()
        self.operator_restarts = 0

    async def events(self) -> Sequence[HistoryEvent]:
        """The history of this trial's incident so far; empty while there is none, or nobody can say."""
        with contextlib.suppress(RPCError):
            if await incident.describe(self.stage.client, self.stage.workflow_id, self.begun_at):
                handle = self.stage.client.get_workflow_handle(self.stage.workflow_id)
                return (await handle.fetch_history()).events
        return ()

    async def change(self) -> WorkflowExecutionDescription | None:
        """The run that reverts a temporary size; None while there is none, or nobody can say."""
        with contextlib.suppress(RPCError):
            return await incident.describe(self.stage.client, self.stage.change_id, self.begun_at)
        return None

    async def seen(self, look: Awaitable[bool]) -> bool:
        """The look's result; False while what is looked at does not answer."""
        try:
            return await look
        except OUT_OF_REACH:
            return False

    async def rest(self) -> None:
        """Have the listed session stop its work; it is closed with the trial."""
        if self.work is not None:
            self.work.cancel()
            await asyncio.gather(self.work, return_exceptions=True)
        self.work = self.listed = None

    async def free_pool(self) -> list[int]:
        """End what is in the way: these server processes."""
        pids = await clearance.in_the_way(self.stage)
        await clearance.end_sessions(self.stage.stack.postgres, pids)
        return pids

    async def _clear(self) -> None:
        await self._await_application()
        await self.stage.application.quick_partner()
        await self.free_pool()
        for workflow_id in (self.stage.change_id, self.stage.workflow_id, database_id("main")):
            # A lease that was lost with its worker would keep the next trial waiting.
            await clearance.terminate(self.stage.client, workflow_id)
        if (await self.stage.application.pool()).size != SIZE:
            await self._reset_pool()
        if reason := await probes.until(self._why_not_calm, SECONDS_TO_CLEAR):
            raise TimeoutError(f"the trial before this one does not end: {reason}")
        await clearance.terminate(self.stage.client, self.stage.workflow_id)

    async def _why_not_calm(self) -> str | None:
        return "the alert still fires" if await clearance.fires(self.stage) else None

    async def _reset_pool(self) -> None:
        with self.stage.stack.engine.client() as engine:
            container = engine.containers.get(self.stage.application.name)
            container.exec_run(["rm", "-f", POOL_FILE])
            container.restart(timeout=2)
        await self._await_application()

    async def _await_application(self) -> None:
        """It may just be starting; whether its pool is free is another matter."""

        async def ask() -> str | None:
            return None if await self.seen(self._has_pool()) else "its page does not answer"

        if reason := await probes.until(ask, SECONDS_TO_CLEAR):
            raise TimeoutError(f"the application does not come back: {reason}")

    async def _has_pool(self) -> bool:
        return (await self.stage.application.pool()).size > 0


@contextlib.asynccontextmanager
async def open_site(folder: Path, scenario: Scenario) -> AsyncIterator[Site]:
    """Bring all of it up for the block; raises StackError."""
    async with AsyncExitStack() as opened:
        stage = await opened.enter_async_context(open_stage(folder, scenario, TIMES))
        # One process that does both was only started to see that everything is there.
        await stage.worker.stop()
        stack = stage.stack
        relays = {
            name: await opened.enter_async_context(Relay.before(upstream))
            for name, upstream in _upstreams(stage).items()
        }
        gate = await opened.enter_async_context(Gate.before(stack.temporal.address))
        seen = _behind(stack, relays)
        environment = configuration.describe_environment(seen, folder / CONFIGURATION, folder / REPORTS)
        port = int(stack.worker_address.rpartition(":")[2])
        crew = hire(stack.state, environment, gate.address, port, folder)
        opened.push_async_callback(crew.stop)
        yield Site(stage, seen, gate, relays, crew)


def _upstreams(stage: Stage) -> dict[str, str]:
    stack = stage.stack
    return {
        "Prometheus": _address(stack.prometheus.url),
        "Alertmanager": stack.alertmanager.address,
        "the engine": stack.engine.address,
        "the page": _address(stage.application.target.url),
        RECEIVER: _address(stack.receiver.url),
        "the database": f"{stack.postgres.host}:{stack.postgres.port}",
    }


def _behind(stack: Stack, relays: Mapping[str, Relay]) -> Stack:
    def url(name: str) -> str:
        return f"http://{relays[name].address}"

    (target,) = stack.targets
    return dataclasses.replace(
        stack,
        prometheus=dataclasses.replace(stack.prometheus, url=url("Prometheus")),
        alertmanager=dataclasses.replace(stack.alertmanager, address=relays["Alertmanager"].address),
        engine=dataclasses.replace(stack.engine, address=f"tcp://{relays['the engine'].address}"),
        targets=[dataclasses.replace(target, url=url("the page"))],
        receiver=dataclasses.replace(stack.receiver, url=url(RECEIVER)),
        postgres=dataclasses.replace(stack.postgres, port=relays["the database"].port),
    )


def _address(url: str) -> str:
    return url.removeprefix("http://")
