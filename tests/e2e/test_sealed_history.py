"""With keys, nothing that is said to Temporal can be read in its database; without, all of it is there."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

from deploy.local.state import State
from deploy.local.temporal import Temporal
from tests.e2e.cli_stand import poolmedic, working
from tests.e2e.sealed_stand import client_with, setting
from tests.e2e.sealed_workflow import Listener, Speaker, fall_silent, say
from tests.e2e.test_services import environment, serving
from tests.e2e.webhook_stand import TOKEN, alert, bearer, payload
from tests.fakes.world import World
from tests.unit.configurations import another, raw, read
from tests.workflow.stage import fresh_name
from worker.payload_keys import PayloadKey
from workflows.errors import SourceRefused
from workflows.models.report import Report

__all__ = ["environment"]

OLD, NEW = PayloadKey("old", b"o" * 32), PayloadKey("new", b"n" * 32)
SECONDS = 30.0


def stored(state: State, temporal: Temporal) -> bytes:
    """All that the server has on disk: the database, and what is not yet merged into it."""
    files = sorted((state.folder / temporal.settings.name).glob("temporal.db*"))
    assert files[0].stat().st_size > 0
    return b"".join(file.read_bytes() for file in files)


async def run_speaker(client: Client, mark: str) -> None:
    """Say the mark in every way, and see that it is heard."""
    queue = f"speaking-{uuid4().hex}"
    async with Worker(client, task_queue=queue, workflows=[Speaker, Listener], activities=[say, fall_silent]):
        handle = await client.start_workflow(
            Speaker.run,
            args=[f"{mark}-input"],
            id=f"speaker-{uuid4().hex}",
            task_queue=queue,
            memo={"first": f"{mark}-memo"},
            static_summary=f"{mark}-summary",
            static_details=f"{mark}-details",
            execution_timeout=timedelta(seconds=SECONDS),
        )
        asked = client.get_workflow_handle(handle.id)
        assert await asked.query("answer", f"{mark}-query") == f"{mark}-query-answered"
        assert await asked.execute_update("change", f"{mark}-update") == f"{mark}-update-changed"
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await asked.execute_update("change", f"{mark}-refused")
        assert f"{mark}-refused-because" in str(refused.value.cause)
        await asked.signal("hear", f"{mark}-signal")
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        end = failed.value.cause
        assert isinstance(end, ApplicationError)
        assert end.message == f"{mark}-input-failed"
        assert f"{mark}-signal" in end.details
        described = await asked.describe()
        assert (await described.memo())["later"] == f"{mark}-input-memo-later"
        first = client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
        begun = await first.describe()
        assert await begun.static_summary() == f"{mark}-summary"
        assert await begun.static_details() == f"{mark}-details"


async def test_nothing_that_a_workflow_says_can_be_read(
    temporal_server: Temporal, stack_state: State
) -> None:
    mark, bare = f"mark{uuid4().hex}", f"mark{uuid4().hex}"
    await run_speaker(await client_with(temporal_server, NEW, OLD), mark)
    await run_speaker(await client_with(temporal_server), bare)
    kept = stored(stack_state, temporal_server)
    ways = (
        *("input", "memo", "summary", "details", "update", "signal"),
        *(
            f"input-{way}"
            for way in (
                *("memo-again", "memo-later", "timer", "child", "memo-child", "child-summary"),
                *("child-details", "told", "child-child-result", "activity-summary", "result"),
                *("message", "detail", "cause", "end", "failed"),
            )
        ),
    )
    assert [way for way in ways if f"{bare}-{way}".encode() not in kept] == []
    assert mark.encode() not in kept


@pytest.fixture
def told(environment: dict[str, str], temporal_server: Temporal, tmp_path: Path) -> dict[str, str]:
    """What the processes of one incident are told, but no keys; its target is its own."""
    name = fresh_name()
    policies = {"default": {"mode": "approve", "approval": {"approvers": ["ada", "grace"]}}}
    configured = raw() | {"targets": [another(name)], "policies": policies}
    (tmp_path / "poolmedic.yaml").write_text(yaml.safe_dump(configured))
    return environment | {
        "TEMPORAL_ADDRESS": temporal_server.address,
        "POOLMEDIC_TASK_QUEUE": f"cli-{name}",
    }


def world_of(told: Mapping[str, str], mark: str) -> World:
    """Every connection of the target is leaked, and one source fails with a mark."""
    (target,) = read(yaml.safe_load(Path(told["POOLMEDIC_CONFIG"]).read_text())).targets
    world = World(target.plain())
    world.leak(20, world.after(minutes=-2))
    world.script.fail("read_containers", SourceRefused(f"{mark}-refusal"))
    return world


async def deliver(told: Mapping[str, str], name: str, mark: str, log: Path) -> None:
    """An alert with marks in it, by a process of ours."""
    marked = alert(name, annotations={"summary": f"{mark}-annotation"})
    marked["labels"] |= {"pod": f"{mark}-label"}
    async with serving("webhook", dict(told), log) as service:
        await service.until("/healthz", 200)
        answer = await service.http.post("/alerts", json=payload(marked), headers=bearer(TOKEN))
        assert answer.status_code == 200, answer.text


async def until(client: Client, name: str, holds: Callable[[Report], object]) -> Report:
    """The first report for which it holds."""
    handle = client.get_workflow_handle(f"pool/{name}")
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(RPCError, WorkflowQueryFailedError):
                report: Report = await handle.query(
                    "state", result_type=Report, rpc_timeout=timedelta(seconds=5)
                )
                if holds(report):
                    return report
            await asyncio.sleep(0.1)


async def run_incident(
    temporal: Temporal, told: dict[str, str], keys: tuple[PayloadKey, ...], mark: str, log: Path
) -> None:
    """From the alert to the act, with a mark wherever somebody can write one."""
    own, world, client = told | setting(*keys), world_of(told, mark), await client_with(temporal, *keys)
    name = world.target.name
    assert (await poolmedic("setup", environment=own)).code == 0
    await deliver(own, name, mark, log)
    async with working(client, world):
        report = await until(client, name, lambda report: report.requests)
        handle = client.get_workflow_handle(f"pool/{name}")
        try:
            said = await poolmedic("acknowledge", name, "--by", f"{mark}-name", environment=own)
            assert said.code == 0, said.err
            asked = report.requests[-1].id
            reason = ("--by", "ada", "--reason", f"{mark}-reason")
            said = await poolmedic("approve", name, asked, *reason, environment=own)
            assert said.code == 0, said.err
            assert "approved by ada" in said.out
            report = await until(client, name, lambda report: report.attempts)
            whole = report.model_dump_json()
            for way in ("annotation", "label", "refusal", "name", "reason"):
                assert f"{mark}-{way}" in whole, way
        finally:
            await handle.terminate("the test is over")


async def test_nothing_of_an_incident_can_be_read(
    temporal_server: Temporal, stack_state: State, told: dict[str, str], tmp_path: Path
) -> None:
    mark = f"mark{uuid4().hex}"
    await run_incident(temporal_server, told, (NEW, OLD), mark, tmp_path / "log")
    assert mark.encode() not in stored(stack_state, temporal_server)


async def test_without_keys_all_of_an_incident_can_be_read(
    temporal_server: Temporal, stack_state: State, told: dict[str, str], tmp_path: Path
) -> None:
    mark = f"mark{uuid4().hex}"
    await run_incident(temporal_server, told, (), mark, tmp_path / "log")
    kept = stored(stack_state, temporal_server)
    for way in ("annotation", "label", "refusal", "name", "reason"):
        assert f"{mark}-{way}".encode() in kept, way


async def test_who_has_no_key_is_heard_and_cannot_read(
    temporal_server: Temporal, told: dict[str, str], tmp_path: Path
) -> None:
    client, world = await client_with(temporal_server, NEW), world_of(told, "x")
    name = world.target.name
    assert (await poolmedic("setup", environment=told)).code == 0
    await deliver(told | setting(NEW), name, "x", tmp_path / "log")
    async with working(client, world):
        asked = (await until(client, name, lambda report: report.requests)).requests[-1].id
        bare = (await client_with(temporal_server)).get_workflow_handle(f"pool/{name}")
        try:
            for command in (("acknowledge", name), ("reject", name, asked)):
                said = await poolmedic(*command, "--by", "ada", environment=told | setting(OLD))
                assert (said.code, said.out) == (1, ""), "what nobody could open would hold the run up"
                assert said.err.startswith("a payload is encrypted with the key 'new'")
            await bare.signal("acknowledge", {"by": "anna"})
            report = await until(client, name, lambda report: "anna" in report.model_dump_json())
            assert not any("could not be read" in entry.text for entry in report.timeline)
            said = await poolmedic("show", name, environment=told)
            assert (said.code, said.out) == (1, "")
            assert "the key 'new', which POOLMEDIC_PAYLOAD_KEYS does not hold" in said.err
            said = await poolmedic("reject", name, asked, "--by", "ada", environment=told)
            assert said.code == 1
            assert said.err.startswith("your answer was given, but whether it counts cannot be read: ")
            await until(client, name, lambda report: any(one.accepted for one in report.decisions))
        finally:
            await bare.terminate("the test is over")


async def test_a_worker_without_the_key_waits_for_it_and_loses_nothing(
    temporal_server: Temporal, told: dict[str, str], tmp_path: Path
) -> None:
    """Keys are to be known everywhere before they are used first: this is what comes of another order."""
    old, new = await client_with(temporal_server, OLD), await client_with(temporal_server, NEW, OLD)
    world = world_of(told, "x")
    name = world.target.name
    assert (await poolmedic("setup", environment=told)).code == 0
    await deliver(told | setting(OLD), name, "x", tmp_path / "log")
    handle = new.get_workflow_handle(f"pool/{name}")
    try:
        async with working(old, world):
            await until(old, name, lambda report: report.requests)
            said = await poolmedic("acknowledge", name, "--by", "grace", environment=told | setting(NEW, OLD))
            assert said.code == 0, said.err
            await until(old, name, lambda report: "grace" in report.model_dump_json())
            await handle.signal("acknowledge", {"by": "anna"})
            await _fails(handle)
        async with working(new, world):
            report = await until(new, name, lambda report: "anna" in report.model_dump_json())
        assert not any("could not be read" in entry.text for entry in report.timeline)
    finally:
        await handle.terminate("the test is over")


async def _fails(handle: WorkflowHandle[Any, Any]) -> None:
    """Once a task of it has failed."""
    async with asyncio.timeout(SECONDS):
        while True:
            kinds = [event.event_type async for event in handle.fetch_history_events()]
            if EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED in kinds:
                return
            await asyncio.sleep(0.1)
