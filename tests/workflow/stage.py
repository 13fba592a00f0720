"""Incidents on the real Temporal server under skipped time, each in a world of its own."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker, WorkflowRunner

from activities.permits import Permits
from tests.fakes import cases
from tests.fakes.ports import FakeAlerts, activities
from tests.fakes.world import World
from worker.databases import Databases
from worker.incidents import put_answer
from workflows.database import Database
from workflows.incident import Incident
from workflows.models.alert import Alert, AlertStatus, Case
from workflows.models.approval import Answer, Decision, Request
from workflows.models.change import ChangeSummary
from workflows.models.policy import Policy
from workflows.models.report import Report, Summary
from workflows.models.target import Target
from workflows.naming import database_id
from workflows.temporary_change import TemporaryChange

PATIENCE = 30.0
"""Seconds of real time that anything may take."""
SECONDS_TO_SETTLE = 1.0
"""Of real time, for what is under way; what a test holds back on purpose is not waited for any longer."""
_BETWEEN_QUERIES = 0.03
_AT_WORK = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
_KINDS = ("pool", "temporary")


@dataclass(frozen=True)
class Theatre:
    """The server, seen by clients that start runs whose time skips by itself, or only when told."""

    skipping: TimeSkipper
    stepping: TimeSkipper

    @classmethod
    def open(cls, client: Client) -> "Theatre":
        """Two ways to start runs on the same server."""
        return cls(
            skipping=TimeSkipper(client, config=TimeSkippingConfig(enabled=True)),
            stepping=TimeSkipper(client, config=TimeSkippingConfig(enabled=False)),
        )

    @property
    def client(self) -> Client:
        """For everything but starting."""
        return self.stepping.client


class Running:
    """One run whose time is stepped by the test."""

    def __init__(self, theatre: Theatre, workflow_id: str) -> None:
        self._theatre = theatre
        self.handle: WorkflowHandle[Any, Any] = theatre.client.get_workflow_handle(workflow_id)

    async def step(self, **length: float) -> None:
        """Let so much time pass: `step(minutes=5)`; every timer on the way fires, and what it began ends."""
        async with asyncio.timeout(PATIENCE):
            await self._theatre.stepping.fast_forward(self.handle, timedelta(**length))
        await self.settle()

    async def settle(self) -> None:
        """Wait for the activities that are at work, and for what the run makes of them."""
        for _ in range(int(SECONDS_TO_SETTLE / _BETWEEN_QUERIES)):
            seen = (await self.handle.describe()).raw_description
            is_busy = seen.HasField("pending_workflow_task") or any(map(_is_at_work, seen.pending_activities))
            if not is_busy:
                break
            await asyncio.sleep(_BETWEEN_QUERIES)

    async def run_out(self) -> Any:
        """Skip whatever time it takes until the run is over; its result."""
        async with asyncio.timeout(PATIENCE):
            with _nothing_there():  # it may be over before the skipping begins
                await self._theatre.stepping.fast_forward(self.handle)
            return await self.handle.result()

    async def signal(self, name: str, *payloads: Any) -> None:
        """Send any payloads, as anybody with the Temporal UI could."""
        await self.handle.signal(name, args=list(payloads))

    async def signal_raw(self, name: str, *payloads: Payload) -> None:
        """Send payloads as they are, as a client of any language could."""
        client = self._theatre.client
        await client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=self.handle.id),
                signal_name=name,
                input=Payloads(payloads=payloads),
            )
        )

    async def history(self) -> WorkflowHistory:
        """What the server recorded so far."""
        return await self.handle.fetch_history()

    async def is_over(self) -> bool:
        """Whether the run has ended."""
        return (await self.handle.describe()).close_time is not None


class RunningIncident(Running):
    """An incident, with the words people and Alertmanager have for it."""

    def __init__(self, theatre: Theatre, case: Case) -> None:
        super().__init__(theatre, f"pool/{case.target.name}")
        self.case = case

    async def finish(self) -> Summary:
        """Skip to the end."""
        return Summary.model_validate(await self.run_out())

    async def state(self) -> Report:
        """The report as of now."""
        return Report.model_validate(await self.handle.query("state"))

    async def until(self, holds: Callable[[Report], Any]) -> Report:
        """The first report for which `holds`, without skipping time; then what was under way has ended."""
        for _ in range(int(PATIENCE / _BETWEEN_QUERIES)):
            report = await self.state()
            if holds(report):
                await self.settle()
                return report
            await asyncio.sleep(_BETWEEN_QUERIES)
        raise AssertionError(f"never held; last: {(await self.state()).model_dump_json(indent=1)}")

    async def asked(self) -> Request:
        """The first request for approval, once there is one."""
        return (await self.until(lambda report: report.requests)).requests[-1]

    async def decide(self, request: str, by: str, *, approve: bool = True, reason: str = "") -> Decision:
        """Answer by update, as the command line does."""
        answer = Answer(request=request, by=by, approve=approve, reason=reason)
        return await put_answer(self.handle, answer, uuid4().hex)

    async def fire(self, starts_at: datetime, status: AlertStatus = AlertStatus.FIRING) -> Alert:
        """Deliver an alert, as the webhook does while the incident is open."""
        delivered = cases.alert(self.case.target, starts_at, status)
        await self.signal("alert", delivered)
        return delivered

    async def resolve(self, at: datetime | None = None) -> None:
        """Alertmanager tells that the first alert is over; also a hook for the script."""
        await self.fire(self.case.alert.starts_at, AlertStatus.RESOLVED)


class Stage:
    """One target with its world, and a worker that serves it."""

    def __init__(self, theatre: Theatre, target: Target, world: World) -> None:
        self.target, self.world = target, world
        self._theatre = theatre
        self._queue = f"stage-{target.name}"
        self._hire: Callable[[], Worker]
        self._stack: AsyncExitStack
        self._worker: Worker

    @classmethod
    async def open(
        cls,
        theatre: Theatre,
        stack: AsyncExitStack,
        runner: WorkflowRunner,
        target: Target,
        world: World,
        *,
        with_permits: bool = False,
    ) -> "Stage":
        """Start the worker; everything of the stage ends with `stack`."""
        threads = stack.enter_context(ThreadPoolExecutor(4))
        stage = cls(theatre, target, world)
        stage._hire = lambda: Worker(
            theatre.client,
            task_queue=stage._queue,
            workflows=[Incident, TemporaryChange, Database],
            activities=activities(world),
            interceptors=[Permits(theatre.client, FakeAlerts(world))] if with_permits else [],
            activity_executor=threads,
            workflow_runner=runner,
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
            identity="stage",
        )
        stage._stack = stack
        stage._worker = await stack.enter_async_context(stage._hire())
        stack.push_async_callback(stage._clear)
        return stage

    async def replace_worker(self) -> None:
        """It is told to end, with no time for its acts, and another one takes over."""
        await self._worker.shutdown()
        self._worker = await self._stack.enter_async_context(self._hire())

    async def incident(
        self,
        policy: Policy | None = None,
        *,
        age: timedelta = timedelta(),
        skips: bool = False,
        beside: Iterable["Stage"] = (),
    ) -> RunningIncident:
        """The alert, that old when it arrives, starts a run; its time waits for the test, or `skips`."""
        first = cases.alert(self.target, self.world.opened - age)
        others = [stage.target for stage in beside]
        case = cases.case(self.target, policy or cases.policy(), first, others)
        await self.deliver(case, skips=skips)
        return RunningIncident(self._theatre, case)

    async def deliver(self, case: Case, *, skips: bool = False) -> None:
        """Signal with start, as the webhook does."""
        skipper = self._theatre.skipping if skips else self._theatre.stepping
        await skipper.client.start_workflow(
            Incident.run,
            case,
            id=f"pool/{case.target.name}",
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal="alert",
            start_signal_args=[case.alert],
        )

    @property
    def change(self) -> Running:
        """The run that reverts the temporary size."""
        return Running(self._theatre, f"temporary/{self.target.name}")

    async def reverted(self) -> ChangeSummary:
        """Skip the temporary change to its end."""
        return ChangeSummary.model_validate(await self.change.run_out())

    async def histories(self) -> dict[str, WorkflowHistory]:
        """What was recorded of the runs of this stage, by kind: `pool`, `temporary`."""
        found = {}
        for kind in _KINDS:
            with _nothing_there():
                found[kind] = await Running(self._theatre, f"{kind}/{self.target.name}").history()
        return found

    @property
    def databases(self) -> Databases:
        """What people say to the workflow of the target's database server."""
        return self.databases_at(self._queue)

    def databases_at(self, queue: str) -> Databases:
        """The same, of somebody who takes another task queue for that of the workers."""
        return Databases(self._theatre.client, queue)

    @property
    def databases_handle(self) -> WorkflowHandle[Any, Any]:
        """The same workflow, for whoever speaks to it past all that."""
        return self._theatre.client.get_workflow_handle(database_id(self.target.database.name))

    async def _clear(self) -> None:
        runs = [f"{kind}/{self.target.name}" for kind in _KINDS]
        for run in (*runs, database_id(self.target.database.name)):
            with _nothing_there():
                await self._theatre.client.get_workflow_handle(run).terminate("the test is over")


def _is_at_work(pending: PendingActivityInfo) -> bool:
    """Not one that waits for its next attempt."""
    return pending.state == _AT_WORK or pending.attempt == 1


@contextmanager
def _nothing_there() -> Iterator[None]:
    """Whatever runs no more, or never did, needs nothing done."""
    try:
        yield
    except RPCError as gone:
        if gone.status is not RPCStatusCode.NOT_FOUND:
            raise


def fresh_name() -> str:
    """A target's name that no other test has: runs are told apart by it."""
    return f"orders-{uuid4().hex[:8]}"
