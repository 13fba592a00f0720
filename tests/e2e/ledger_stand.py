"""What asks for permits, and the ledgers that give them, beside a real Temporal server."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from workflows.attributes import DATABASE
from workflows.models.permit import PermitAnswer, PermitRequest
from workflows.models.policy import Option
from workflows.naming import TEMPORARY_WORKFLOW, WORKFLOW, database_id, temporary_id

_OPEN = "ExecutionStatus = 'Running'"
_LOOKS = 5


async def begun(client: Client, id: str, database: str | None) -> None:  # noqa: A002
    """An incident or a temporary size that nobody works on, from when the database was called so."""
    attributes = [SearchAttributePair(DATABASE, database)] if database else []
    kind = TEMPORARY_WORKFLOW if id.startswith(temporary_id("")) else WORKFLOW
    await client.start_workflow(
        kind, id=id, task_queue="nobody", search_attributes=TypedSearchAttributes(attributes)
    )


async def listed(client: Client, id: str) -> None:  # noqa: A002
    """Until Temporal's list, which lags behind, has it."""
    async with asyncio.timeout(20):
        while True:
            if id in await _listed(client):
                return
            await asyncio.sleep(0.1)


async def asked(client: Client, database: str, target: str = "shop") -> PermitAnswer:
    """A permit for an act that stands in nobody's way."""
    id = uuid4().hex  # noqa: A001
    request = PermitRequest(
        database=database, target=target, id=id, option=Option.INDEX, lasts=timedelta(minutes=1)
    )
    answer: PermitAnswer = await client.get_workflow_handle(database_id(database)).execute_update(
        "permit", request, id=id, result_type=PermitAnswer
    )
    return answer


async def close_all(client: Client) -> None:
    """Until the list has had nothing for a moment."""
    empty = 0
    async with asyncio.timeout(20):
        while empty < _LOOKS:
            found = await _listed(client)
            empty = 0 if found else empty + 1
            for each in found:
                await _close(client, each)
            await asyncio.sleep(0.1)


async def _listed(client: Client) -> list[str]:
    return [run.id async for run in client.list_workflows(_OPEN)]


async def _close(client: Client, id: str) -> None:  # noqa: A002
    with suppress(RPCError):  # it may be over by now, and be listed yet
        await client.get_workflow_handle(id).terminate("the test is over")
