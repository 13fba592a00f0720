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
from worker.routing import Assignment
from worker.temporal import Unreachable, is_not_open, is_silent, reaching
from workflows import attributes
from workflows.models.alert import AlertStatus, Case
from workflows.naming import SIGNAL, WORKFLOW, workflow_id

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


type _End = tuple[Assignment, Placed | BaseException]


@dataclass(frozen=True)
class _Turn:
    """One delivery on its way: so many at once, and none begun after Temporal left one without an answer."""

    gate: asyncio.Semaphore
    silent: asyncio.Event


@dataclass(frozen=True)
class Intake:
    """The way from an assignment to a durable incident."""

    client: Client
    configuration: Configuration
    task_queue: str

    async def place(self, assignments: tuple[Assignment, ...]) -> tuple[Placed, ...]:
        """Hand all over, in their order; raises `TemporalUnavailable` when one could not be.

        One that could not be keeps none of the others out. They come again with the retry, and their
        incidents know them.
        """
        by_target: dict[str, list[Assignment]] = {}
        for one in assignments:
            by_target.setdefault(one.target.name, []).append(one)
        turn = _Turn(asyncio.Semaphore(AT_ONCE), asyncio.Event())
        ends = await asyncio.gather(*(self._target(own, turn) for own in by_target.values()))
        return _all_placed([end for own in ends for end in own])

    async def _target(self, assignments: list[Assignment], turn: _Turn) -> list[_End]:
        """The first firing one of a target, which opens its incident; the others; then its resolved ones."""
        firing = [one for one in assignments if one.alert.status is AlertStatus.FIRING]
        resolved = [one for one in assignments if one.alert.status is AlertStatus.RESOLVED]
        ends: list[_End] = []
        for now in (firing[:1], firing[1:], resolved):
            found = await asyncio.gather(*(self._one(one, turn) for one in now), return_exceptions=True)
            ends += zip(now, found, strict=True)
        return ends

    async def _one(self, one: Assignment, turn: _Turn) -> Placed:
        async with turn.gate:
            if turn.silent.is_set():
                raise Unreachable
            try:
                async with reaching(PATIENCE):
                    return await self._hand_over(one)
            except (RPCError, Unreachable) as failure:
                if _is_silent(failure):
                    turn.silent.set()
                raise

    async def _hand_over(self, one: Assignment) -> Placed:
        return await (self._start_or_join if one.alert.status is AlertStatus.FIRING else self._join)(one)

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


def _all_placed(ends: list[_End]) -> tuple[Placed, ...]:
    """Raises `TemporalUnavailable` with every reason and whom it concerns; a defect of ours as it is."""
    failed: dict[str, set[str]] = {}
    for one, end in ends:
        if isinstance(end, RPCError | Unreachable):
            failed.setdefault(_reason(end), set()).add(one.target.name)
        elif isinstance(end, BaseException):
            raise end
    if failed:
        raise TemporalUnavailable("; ".join(f"{', '.join(sorted(of))}: {why}" for why, of in failed.items()))
    return tuple(end for _, end in ends if isinstance(end, Placed))


def _is_silent(failure: BaseException) -> bool:
    return isinstance(failure, Unreachable) or is_silent(failure)


def _reason(failure: RPCError | Unreachable) -> str:
    if _is_silent(failure):
        return "Temporal does not answer; check that it runs and that TEMPORAL_ADDRESS names it"
    if "search attribute" in str(failure).lower():
        return "Temporal does not know the search attributes; run `poolmedic setup`"
    return f"Temporal refused: {str(failure).splitlines()[0][:200]}"
