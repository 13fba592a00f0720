"""What people say to the workflows of database servers: pause acts, resume them, show what is in force."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from worker.errors import PayloadSealed, TemporalUnavailable
from worker.same_key import readable, speaking_to
from worker.task_queue import is_polled
from worker.temporal import is_not_open
from workflows.models.permit import Ledger, Order
from workflows.naming import DATABASE_WORKFLOW, database_id

QUICK = timedelta(seconds=5)


@dataclass(frozen=True)
class Said:
    """What became of an order at one database server.

    `ledger` is None while no worker answers, and where its answer cannot be read: `unread` says why.
    """

    database: str
    ledger: Ledger | None
    unread: str = ""
    queue: str = ""
    """Whose workers answer for it, as far as Temporal told; without an answer alone."""
    is_polled: bool | None = None
    """Whether there are any; None where that is not known."""


class Databases:
    """Every database server's workflow in one namespace."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def pause(self, databases: Iterable[str], order: Order) -> list[Said]:
        """No acts from now on; Temporal has it even while no worker lives. Raises `TemporalUnavailable`."""
        return await self._say_to_all(databases, "pause", order)

    async def resume(self, databases: Iterable[str], order: Order) -> list[Said]:
        """Acts again. Raises `TemporalUnavailable`."""
        return await self._say_to_all(databases, "resume", order)

    async def known(self, name: str) -> Ledger | None:
        """What is in force; nothing where none runs that could hold it, and None where that is not known."""
        handle = self._client.get_workflow_handle(database_id(name))
        try:
            found: Ledger = await handle.query(
                "state",
                result_type=Ledger,
                reject_condition=QueryRejectCondition.NOT_OPEN,
                rpc_timeout=QUICK,
            )
        except WorkflowQueryRejectedError:
            return Ledger()
        except RPCError as error:
            return Ledger() if is_not_open(error) else None
        except (WorkflowQueryFailedError, PayloadSealed):
            return None
        return found

    async def _say_to_all(self, databases: Iterable[str], signal: str, order: Order) -> list[Said]:
        """Everybody is told before anybody is asked; one who is not reached keeps it from nobody else."""
        names = list(databases)
        told = await asyncio.gather(
            *(self._say(name, signal, order) for name in names), return_exceptions=True
        )
        missed = {name: error for name, error in zip(names, told, strict=True) if error is not None}
        if unexpected := [error for error in missed.values() if not isinstance(error, RPCError)]:
            raise unexpected[0]
        if missed:
            why = "; ".join(f"{name} ({error})" for name, error in missed.items())
            raise TemporalUnavailable(f"it is not known whether every database heard it: {why}; say it again")
        return await asyncio.gather(*(self._ask(name) for name in names))

    async def _say(self, name: str, signal: str, order: Order) -> None:
        client = await self._speaking_to(name)
        await client.start_workflow(
            DATABASE_WORKFLOW,
            Ledger(),
            id=database_id(name),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"{name}: permits for acts",
            start_signal=signal,
            start_signal_args=[order],
            rpc_timeout=QUICK,
        )

    async def _ask(self, name: str) -> Said:
        try:
            ledger = await self._ledger(name)
        except PayloadSealed as sealed:
            return Said(name, None, str(sealed))
        return await self._unanswered(name) if ledger is None else Said(name, ledger)

    async def _unanswered(self, name: str) -> Said:
        """Where it waits: whoever began it chose the task queue, and it stays there."""
        queue = ""
        with suppress(RPCError):
            handle = self._client.get_workflow_handle(database_id(name))
            queue = (await handle.describe(rpc_timeout=QUICK)).task_queue
            return Said(name, None, queue=queue, is_polled=await is_polled(self._client, queue, QUICK))
        return Said(name, None, queue=queue)

    async def _speaking_to(self, name: str) -> Client:
        """A stop that is heard, in readable words if need be, is worth more than one that is not."""
        try:
            return await speaking_to(self._client, database_id(name))
        except PayloadSealed:
            return readable(self._client)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return self._client

    async def _ledger(self, name: str) -> Ledger | None:
        handle = self._client.get_workflow_handle(database_id(name))
        with suppress(RPCError, WorkflowQueryFailedError):
            found: Ledger = await handle.query("state", result_type=Ledger, rpc_timeout=QUICK)
            return found
        return None
