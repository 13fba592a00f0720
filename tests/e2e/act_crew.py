"""Workers for acts on a real Temporal, and what they left in the ledger."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.alertmanager import NoAlertmanager
from activities.permits import Permits
from tests.e2e.act_workflow import OneAct
from tests.fakes import cases
from worker.databases import Databases
from worker.incident_part import HEARTBEAT
from workflows.database import Database
from workflows.models.outcome import Outcome
from workflows.models.permit import Ledger
from workflows.models.plan import Act
from workflows.models.target import Target
from workflows.sandbox import runner


class Crew:
    """One worker after the other, as a deployment replaces them."""

    def __init__(
        self,
        client: Client,
        stack: AsyncExitStack,
        *acts: Callable[..., Any],
        threads: ThreadPoolExecutor | None = None,
    ) -> None:
        self.client = client
        self._stack = stack
        self._acts = acts
        self._threads = threads
        self._queue = f"acts-{uuid4().hex}"
        self._worker: Worker

    async def start(self) -> None:
        """The first one."""
        self._worker = await self._stack.enter_async_context(
            Worker(
                self.client,
                task_queue=self._queue,
                workflows=[OneAct, Database],
                activities=self._acts,
                activity_executor=self._threads,
                interceptors=[Permits(self.client, NoAlertmanager())],
                workflow_runner=runner(),
                max_heartbeat_throttle_interval=HEARTBEAT,
                default_heartbeat_throttle_interval=HEARTBEAT,
                sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
                graceful_shutdown_timeout=timedelta(seconds=0.5),
            )
        )

    async def replace(self) -> None:
        """It is told to end, gently, and another one is started."""
        await self._worker.shutdown()
        await self.start()

    async def begin(self, target: Target, act: Act) -> WorkflowHandle[Any, Outcome]:
        """As an incident of this target asks for it."""
        case = cases.case(target, cases.policy(), cases.alert(target, datetime.now(UTC)))
        return await self.client.start_workflow(
            OneAct.run, args=[case, act], id=f"act-{uuid4().hex}", task_queue=self._queue
        )

    async def is_permit_free(self, target: Target) -> bool:
        """The server's ledger is there, and no act has a permit."""
        known = await self.known(target)
        return known is not None and known.permits == ()

    async def is_permitted(self, target: Target) -> bool:
        """An act on this server has a permit."""
        known = await self.known(target)
        return known is not None and known.permits != ()

    async def known(self, target: Target) -> Ledger | None:
        """What the server's ledger holds."""
        return await Databases(self.client, self._queue).known(target.database.name)


def of_its_own(target: Target) -> Target:
    """With a ledger that no other test knows."""
    database = target.database.model_copy(update={"name": f"main-{uuid4().hex[:8]}"})
    return target.model_copy(update={"database": database})
