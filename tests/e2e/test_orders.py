"""Whom an order to pause reaches where something of it fails, beside a real Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, override

import pytest
from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    ListWorkflowsInput,
    OutboundInterceptor,
    WorkflowExecutionAsyncIterator,
    WorkflowExecutionDescription,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from deploy.local import temporal
from deploy.local.state import State
from deploy.local.temporal import Temporal
from tests.e2e.ledger_stand import asked, begun, close_all, listed
from worker.databases import Databases, Said
from worker.errors import TemporalUnavailable
from worker.orders import Heard, Saying, Scope, give
from workflows.database import Database
from workflows.models.permit import Order
from workflows.naming import temporary_id, workflow_id
from workflows.sandbox import runner

QUEUE = "ordering"
ORDER = Order(by="anna", why="a migration runs")
EVERYTHING = Scope(("main",), ("shop",), is_everything=True)


class Refusing(Interceptor, OutboundInterceptor):
    """Temporal does not permit the calls of this name, or does not answer them."""

    def __init__(self, call: str, *, says_so: bool) -> None:
        self._call, self._says_so = call, says_so

    @override
    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        OutboundInterceptor.__init__(self, next)
        return self

    @override
    def list_workflows(self, input: ListWorkflowsInput) -> WorkflowExecutionAsyncIterator:
        self._refuse("list")
        return super().list_workflows(input)

    @override
    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:
        self._refuse("describe")
        if self._call == "describe":
            await asyncio.Event().wait()
        return await super().describe_workflow(input)

    def _refuse(self, call: str) -> None:
        if call == self._call and self._says_so:
            raise RPCError("no rights to do this\nand more", RPCStatusCode.PERMISSION_DENIED, b"")


@pytest.fixture(scope="module")
async def temporal_server(stack_state: State) -> AsyncIterator[Temporal]:
    """Its own: some of it is for everything that is open, also for what other tests have left."""
    async with temporal.serve(stack_state, temporal.Settings(name="temporal-ordered")) as server:
        yield server


@pytest.fixture(autouse=True)
async def _worker(client: Client) -> AsyncIterator[None]:
    async with Worker(client, task_queue=QUEUE, workflows=[Database], workflow_runner=runner()):
        yield
        await close_all(client)


async def paused(client: Client, scope: Scope, say: Saying = Databases.pause) -> Heard:
    return await give(client, QUEUE, say, scope, ORDER)


def refusing(client: Client, call: str, *, says_so: bool = True) -> Client:
    config: Any = client.config()
    return Client(**config | {"interceptors": [Refusing(call, says_so=says_so)]})


async def test_without_a_list_the_targets_of_the_file_are_looked_at_one_by_one(client: Client) -> None:
    await begun(client, temporary_id("shop"), "former")
    heard = await paused(refusing(client, "list"), EVERYTHING)
    assert [each.database for each in heard.said] == ["main"]
    assert [each.database for each in heard.beyond] == ["former"]
    (told,) = heard.missed
    assert "could not be looked for: Temporal does not list what is open (no rights to do this); say" in told
    assert (await asked(client, "main")).paused
    assert (await asked(client, "former")).paused


async def test_a_target_that_cannot_be_looked_at_is_told_and_found_by_the_list(client: Client) -> None:
    await begun(client, workflow_id("shop"), "former")
    await listed(client, workflow_id("shop"))
    heard = await paused(refusing(client, "describe"), EVERYTHING)
    assert [each.database for each in heard.beyond] == ["former"]
    (told,) = heard.missed
    assert "pool/shop (no rights to do this); temporary/shop (no rights to do this); say it again" in told


async def test_a_silent_temporal_holds_back_nothing_that_the_list_has(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of targets are not waited for one after the other."""
    monkeypatch.setattr("worker.open_ledgers.PATIENCE", 0.5)
    await begun(client, workflow_id("t-0"), "former")
    await listed(client, workflow_id("t-0"))
    many = Scope(("main",), tuple(f"t-{number}" for number in range(100)), is_everything=True)
    async with asyncio.timeout(5):
        heard = await paused(refusing(client, "describe", says_so=False), many)
    assert [each.database for each in heard.beyond] == ["former"]
    (told,) = heard.missed
    assert "pool/t-0 (no answer in time); " in told
    assert told.endswith("; and 195 more; say it again")


async def test_who_is_not_reached_keeps_it_from_nobody_else(client: Client) -> None:
    async def say(databases: Databases, names: list[str], order: Order) -> list[Said]:
        if "main" in names:
            raise TemporalUnavailable("main did not hear it")
        return await databases.pause(names, order)

    await begun(client, workflow_id("shop"), "former")
    heard = await paused(client, EVERYTHING, say)
    assert heard.missed == ("main did not hear it",)
    assert [each.database for each in heard.beyond] == ["former"]
    assert (await asked(client, "former")).paused


async def test_what_is_over_or_no_work_of_ours_is_asked_nothing(client: Client) -> None:
    await begun(client, workflow_id("shop"), "former")
    await client.get_workflow_handle(workflow_id("shop")).terminate()
    await client.start_workflow("Database", id="theirs", task_queue="nobody")
    await client.start_workflow("Incident", id="their-own", task_queue="nobody")
    await listed(client, "their-own")
    heard = await paused(client, EVERYTHING)
    assert ([each.database for each in heard.said], heard.beyond, heard.missed) == (["main"], (), ())
