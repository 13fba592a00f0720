"""What people ask and tell incidents, through Temporal."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from worker.errors import AnswerRefused, NoIncident, PayloadSealed, TemporalUnavailable
from worker.same_key import speaking_to
from worker.temporal import Unreachable, is_not_open, is_silent, reaching
from workflows import attributes
from workflows.models.approval import Answer, Decision
from workflows.models.report import Report
from workflows.naming import WORKFLOW, workflow_id

QUICK = timedelta(seconds=5)
ANSWERED = timedelta(seconds=8)
"""A query or an update is answered by a worker, which may have to replay first, or take over."""
PATIENCE = timedelta(seconds=20)
BETWEEN_TRIES = 0.2
_BUSY = (RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.UNAVAILABLE)


@dataclass(frozen=True)
class Incident:
    """One run, as lists know it; they lag a moment behind."""

    target: str
    status: str
    opened: datetime
    closed: datetime | None
    cause: str | None
    outcome: str | None
    run_id: str


class Incidents:
    """Every incident of one namespace."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def latest(self, limit: int, *, only_open: bool) -> list[Incident]:
        """The newest first."""
        query = f"WorkflowType = '{WORKFLOW}'" + (" AND ExecutionStatus = 'Running'" if only_open else "")
        async with _telling("incidents"):
            found = self._client.list_workflows(query, limit=limit, rpc_timeout=QUICK)
            return [_incident(run) async for run in found]

    async def run(self, target: str, run_id: str | None = None) -> Incident:
        """How Temporal knows the latest run of a target, or that one; this does not lag behind."""
        async with _telling(target):
            return _incident(await self._handle(target, run_id).describe(rpc_timeout=QUICK))

    async def report(self, target: str, run_id: str | None = None) -> Report:
        """The report as of now, of the latest run or of that one."""
        handle = self._handle(target, run_id)
        async with _telling(target):
            report: Report = await handle.query("state", result_type=Report, rpc_timeout=ANSWERED)
        return report

    async def acknowledge(self, target: str, by: str) -> None:
        """A person has it in hand; reaches the incident even while no worker lives."""
        async with _telling(target):
            await self._acknowledge(target, None, by)

    async def take_on(self, target: str, run_id: str, by: str) -> None:
        """The same, for that very run; raises `NoIncident` once it is over."""
        async with _reaching(), _telling(target):
            await self._acknowledge(target, run_id, by)

    async def decide(self, target: str, answer: Answer) -> Decision:
        """Approve or reject; raises `AnswerRefused` when the answer does not count.

        The same answer again is answered the same, and not given twice. Raises `PayloadSealed` where it was
        given, and whether it counts cannot be read.
        """
        once = f"{answer.request}/{answer.by}/{'approve' if answer.approve else 'reject'}"
        async with _telling(target):
            client = await speaking_to(self._client, workflow_id(target))
        try:
            async with _telling(target):
                decision = await put_answer(client.get_workflow_handle(workflow_id(target)), answer, once)
        except PayloadSealed as sealed:
            raise PayloadSealed(
                f"your answer was given, but whether it counts cannot be read: {sealed}"
            ) from None
        if not decision.accepted:
            raise AnswerRefused(decision.message)
        return decision

    async def _acknowledge(self, target: str, run_id: str | None, by: str) -> None:
        client = await speaking_to(self._client, workflow_id(target), run_id)
        handle = client.get_workflow_handle(workflow_id(target), run_id=run_id)
        await handle.signal("acknowledge", {"by": by}, rpc_timeout=QUICK)

    async def decide_by_link(self, target: str, run_id: str, answer: Answer) -> Decision:
        """Give the answer to that very run, each time anew: one that comes again is written down as such.

        Raises `NoIncident` once the run is over, `AnswerRefused` where the answer cannot be read.
        """
        async with _reaching(), _telling(target):
            client = await speaking_to(self._client, workflow_id(target), run_id)
            handle = client.get_workflow_handle(workflow_id(target), run_id=run_id)
            return await put_answer(handle, answer, uuid4().hex)

    async def asked(self, target: str, run_id: str) -> Report:
        """The report of that very run, for somebody who waits at a page; it may be over."""
        async with _reaching():
            return await self.report(target, run_id)

    def _handle(self, target: str, run_id: str | None = None) -> WorkflowHandle[object, object]:
        return self._client.get_workflow_handle(workflow_id(target), run_id=run_id)


async def put_answer(handle: WorkflowHandle[Any, Any], answer: Answer, once: str) -> Decision:
    """Give the answer by update; `once` makes a repeated one the same.

    A server that is busy (it takes ten answers at a time to one incident) or that dropped the answer is asked
    again for `PATIENCE`.
    """
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while True:
        try:
            decision: Decision = await handle.execute_update(
                "decide", answer, id=once, result_type=Decision, rpc_timeout=ANSWERED
            )
        except RPCError as error:
            if error.status not in _BUSY or time.monotonic() > deadline:
                raise
            await asyncio.sleep(BETWEEN_TRIES)
        else:
            return decision


@asynccontextmanager
async def _reaching() -> AsyncIterator[None]:
    """For a process that starts without Temporal: its client connects with the first call."""
    try:
        async with reaching(PATIENCE.total_seconds()):
            yield
    except Unreachable:
        raise TemporalUnavailable("Temporal does not answer") from None


@asynccontextmanager
async def _telling(target: str) -> AsyncIterator[None]:
    """What Temporal can answer, as one of our errors."""
    try:
        yield
    except WorkflowUpdateFailedError as error:
        raise AnswerRefused(str(error.cause)) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise TemporalUnavailable(
            "no worker answered in time, so it is not known whether the answer counts; "
            f"start a worker, then look with `poolmedic show {target}`"
        ) from error
    except WorkflowQueryFailedError as error:
        raise TemporalUnavailable(f"the incident cannot be read: {error}") from error
    except RPCError as error:
        raise _translate(target, error) from error


def _translate(target: str, error: RPCError) -> NoIncident | TemporalUnavailable:
    if is_not_open(error):
        return NoIncident(f"{target} has no open incident; see `poolmedic incidents`")
    return unanswered(error)


def unanswered(error: RPCError) -> TemporalUnavailable:
    """Why something that is open gave no answer, and what to do about it."""
    if is_silent(error):
        return TemporalUnavailable("no answer in time; check that Temporal and a worker run")
    if error.status is RPCStatusCode.FAILED_PRECONDITION:
        return TemporalUnavailable("no worker has taken this up yet; start one, and ask again")
    return TemporalUnavailable(
        f"Temporal refused: {error.message.splitlines()[0] if error.message else error}"
    )


def _incident(run: WorkflowExecution) -> Incident:
    return Incident(
        target=run.id.removeprefix(workflow_id("")),
        status=_status(run.status),
        opened=run.start_time,
        closed=run.close_time,
        cause=_attribute(run, attributes.CAUSE),
        outcome=_attribute(run, attributes.OUTCOME),
        run_id=run.run_id,
    )


def _status(status: WorkflowExecutionStatus | None) -> str:
    if status is WorkflowExecutionStatus.RUNNING:
        return "open"
    return status.name.lower().replace("_", " ") if status else "unknown"


def _attribute(run: WorkflowExecution, key: SearchAttributeKey[str]) -> str | None:
    return run.typed_search_attributes.get(key)
