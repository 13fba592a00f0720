"""Handing alerts over to Temporal: a firing one starts or joins an incident, a resolved one only joins."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError

from worker.config import Configuration, Links, TargetEntry
from worker.errors import TemporalUnavailable
from worker.naming import SIGNAL, WORKFLOW, workflow_id
from worker.routing import Assignment
from worker.temporal import Unreachable, is_not_open, is_silent, reaching
from workflows import attributes
from workflows.models.alert import AlertStatus, Case

RPC_TIMEOUT = timedelta(seconds=2)
PATIENCE = 2.5
"""Seconds for one alert, reaching included: the caller has its 503 within three."""
AT_ONCE = 16


@dataclass(frozen=True)
class Placed:
    """Where an alert went; `workflow_id` is None for a resolved one whose incident is not open."""

    target: str
    status: AlertStatus
    workflow_id: str | None


@dataclass(frozen=True)
class Intake:
    """The way from an assignment to a durable incident."""

    client: Client
    configuration: Configuration
    task_queue: str

    async def place(self, assignments: tuple[Assignment, ...]) -> tuple[Placed, ...]:
        """Hand all over, firing ones first; raises `TemporalUnavailable` when one could not be.

        Some may have been handed over then. They come again with the retry, and the incident knows them.
        """
        firing = [one for one in assignments if one.alert.status is AlertStatus.FIRING]
        resolved = [one for one in assignments if one.alert.status is AlertStatus.RESOLVED]
        return (*await self._each(firing), *await self._each(resolved))

    async def _each(self, assignments: list[Assignment]) -> list[Placed]:
        gate = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(one, gate)) for one in assignments]
        except* (RPCError, Unreachable) as failures:
            raise TemporalUnavailable(_reason(failures.exceptions[0])) from failures
        return [task.result() for task in tasks]

    async def _one(self, one: Assignment, gate: asyncio.Semaphore) -> Placed:
        async with gate, reaching(PATIENCE):
            if one.alert.status is AlertStatus.FIRING:
                return await self._start_or_join(one)
            return await self._join(one)

    async def _start_or_join(self, one: Assignment) -> Placed:
        target = one.target
        handle = await self.client.start_workflow(
            WORKFLOW,
            await self._checked(self.configuration.case(target, one.alert, self._links(target))),
            id=workflow_id(target.name),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=SIGNAL,
            start_signal_args=[one.alert],
            search_attributes=_search_attributes(target),
            memo={"target": target.name, "database": target.database.name},
            static_summary=f"{target.name}: connection pool exhausted",
            static_details=_details(target, self.configuration),
            rpc_timeout=RPC_TIMEOUT,
        )
        return Placed(target.name, one.alert.status, handle.id)

    async def _join(self, one: Assignment) -> Placed:
        handle = self.client.get_workflow_handle(workflow_id(one.target.name))
        try:
            await handle.signal(SIGNAL, one.alert, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if not is_not_open(error):
                raise
            return Placed(one.target.name, one.alert.status, None)
        return Placed(one.target.name, one.alert.status, handle.id)

    async def _checked(self, case: Case) -> Case:
        """The input, seen to survive the way to the worker: one that does not wedges its run for ever."""
        converter = self.client.data_converter
        (read,) = await converter.decode(await converter.encode([case]), [Case])
        if read != case:
            raise ValueError("the incident's input does not survive encoding: a defect of this program")
        return case

    def _links(self, target: TargetEntry) -> dict[str, str]:
        return fill_links(
            self.configuration.links,
            {
                "target": target.name,
                "workflow_id": workflow_id(target.name),
                "namespace": self.client.namespace,
            },
        )


def fill_links(links: Links, values: Mapping[str, str]) -> dict[str, str]:
    """The configured addresses with the target's names in them."""
    escaped = {name: quote(value, safe="") for name, value in values.items()}
    return {
        name: template.format_map(escaped) for name, template in links.model_dump(exclude_none=True).items()
    }


def _search_attributes(target: TargetEntry) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(attributes.TARGET, target.name),
            SearchAttributePair(attributes.DATABASE, target.database.name),
        ]
    )


def _details(target: TargetEntry, configuration: Configuration) -> str:
    """Markdown of configured names only; labels do not belong here."""
    instances = ", ".join(f"`{instance.name}` ({instance.pool_size})" for instance in target.instances)
    mode = configuration.policy_of(target).mode
    return (
        f"- target `{target.name}`, policy `{target.policy}` in mode `{mode}`\n"
        f"- database `{target.database.name}`, role `{target.database.role}`\n"
        f"- instances and pool sizes: {instances}"
    )


def _reason(failure: BaseException) -> str:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if isinstance(failure, Unreachable) or is_silent(failure):
        return "Temporal does not answer; check that it runs and that TEMPORAL_ADDRESS names it"
    if isinstance(failure, RPCError) and "search attribute" in failure.message.lower():
        return "Temporal does not know the search attributes; run `poolmedic setup`"
    return f"Temporal refused: {str(failure).splitlines()[0][:200]}"
