"""Every command about incidents, and how failures are told: one sentence, an exit code, never a traceback."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from deploy.local.temporal import Temporal
from tests.e2e.cli_stand import SECONDS, Said, begin, poolmedic, working
from tests.fakes import cases
from tests.fakes.world import World
from tests.workflow.stage import fresh_name
from worker.sdk_metrics import free_port
from workflows import attributes
from workflows.models.report import Entry, Report

ESCAPE = "\x1b]0;owned\x07"


@dataclass(frozen=True)
class Scene:
    """An incident that waits for a person's approval, and the way to it."""

    target: str
    request: str
    handle: WorkflowHandle[object, object]
    environment: dict[str, str]

    async def say(self, *arguments: str) -> Said:
        return await poolmedic(*arguments, environment=self.environment)

    async def report(self) -> Report:
        return Report.model_validate(await self.handle.query("state"))


@pytest.fixture(scope="module")
async def environment(temporal_server: Temporal) -> dict[str, str]:
    environment = {"TEMPORAL_ADDRESS": temporal_server.address}
    assert (await poolmedic("setup", environment=environment)).code == 0
    return environment


@pytest.fixture(scope="module")
async def client(temporal_server: Temporal) -> Client:
    return await Client.connect(temporal_server.address, data_converter=pydantic_data_converter)


@pytest.fixture
async def scene(client: Client, environment: dict[str, str]) -> AsyncIterator[Scene]:
    subject = cases.target(fresh_name(), pool_size=8)
    world = World(subject, rate=100.0)
    async with working(client, world) as queue:
        first = cases.alert(subject, world.opened, annotations={"summary": f"full{ESCAPE}"})
        handle = await client.start_workflow(
            "Incident",
            cases.case(subject, cases.policy(), first),
            id=f"pool/{subject.name}",
            task_queue=queue,
        )
        try:
            yield Scene(subject.name, await _asked(handle), handle, environment)
        finally:
            with contextlib.suppress(RPCError):  # a test may have ended it
                await handle.terminate("the test is over")


async def _asked(handle: WorkflowHandle[object, object]) -> str:
    for _ in range(100):
        report = Report.model_validate(await handle.query("state"))
        if report.requests:
            return report.requests[-1].id
        await asyncio.sleep(0.1)
    raise AssertionError("no request for approval")


async def test_show_tells_what_waits_for_a_person(scene: Scene) -> None:
    said = await scene.say("show", scene.target)
    assert said.code == 0, said.err
    assert scene.target in said.out
    assert f"poolmedic approve {scene.target} {scene.request} --by NAME" in said.out
    assert "undersized" in said.out
    assert "\x1b" not in said.out


async def test_show_for_machines_is_the_report(scene: Scene) -> None:
    said = await scene.say("show", scene.target, "--json")
    assert Report.model_validate(said.json).requests[-1].id == scene.request
    assert said.out.isascii()


async def test_watch_says_how_to_answer_and_ends_with_the_run(scene: Scene) -> None:
    watching = await begin("watch", scene.target, environment=scene.environment)
    assert watching.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(SECONDS):
        while f"poolmedic reject {scene.target} {scene.request}" not in "".join(lines[-1:]):
            lines.append((await watching.stdout.readline()).decode())
            assert lines[-1], "ended before it said how to answer"
        assert f"  yes: poolmedic approve {scene.target} {scene.request} --by NAME\n" in lines
        assert any(ESCAPE not in line and "diagnosis: undersized" in line for line in lines)
        await scene.handle.terminate("somebody ended it")
        rest, _ = await watching.communicate()
    assert "The run was terminated from outside: open." in rest.decode()
    assert watching.returncode == 0


async def test_watch_for_machines_is_a_document_per_line(scene: Scene) -> None:
    watching = await begin("watch", scene.target, "--json", environment=scene.environment)
    assert watching.stdout is not None
    async with asyncio.timeout(SECONDS):
        first = Entry.model_validate_json(await watching.stdout.readline())
        assert first == (await scene.report()).timeline[0]
        await scene.handle.terminate("somebody ended it")
        rest, _ = await watching.communicate()
    last = json.loads(rest.decode().splitlines()[-1])
    assert (last["outcome"], last["status"]) == ("open", "terminated")


async def test_incidents_lists_it_for_people_and_machines(scene: Scene) -> None:
    found = []
    for _ in range(20):
        said = await scene.say("incidents", "--open", "--json")
        found = [one for one in said.json if one["target"] == scene.target]
        if found:
            break
        await asyncio.sleep(0.2)  # lists lag a moment behind
    assert found[0]["status"] == "open"
    assert scene.target in (await scene.say("incidents")).out


async def test_a_temporary_size_is_kept_by_an_approver(scene: Scene) -> None:
    none = await scene.say("size", "keep", scene.target, "--by", "ada")
    assert (none.code, none.err) == (
        1,
        f"no pool of {scene.target} has a temporary size, or none any more\n",
    )
    assert (await scene.say("approve", scene.target, scene.request, "--by", "ada")).code == 0
    for _ in range(100):
        if (await scene.report()).attempts:
            break
        await asyncio.sleep(0.1)
    refused = await scene.say("size", "extend", scene.target, "--by", "eve")
    assert (refused.code, "eve may not decide this; ada, grace may" in refused.err) == (1, True)
    assert (await scene.say("size", "extend", scene.target, "--by", "grace")).code == 0
    said = await scene.say("size", "keep", scene.target, "--by", "ada", "--json")
    assert (said.json["accepted"], said.json["by"]) == (True, "ada")


async def test_acknowledge(scene: Scene) -> None:
    said = await scene.say("acknowledge", scene.target, "--by", "ada")
    assert said.code == 0, said.err
    assert any("ada" in entry.text for entry in (await scene.report()).timeline)


async def test_approve_then_a_second_answer_is_told_that_it_came_late(scene: Scene) -> None:
    said = await scene.say("approve", scene.target, scene.request, "--by", "ada", "--reason", "known traffic")
    assert said.code == 0, said.err
    assert "approved by ada" in said.out
    again = await scene.say("approve", scene.target, scene.request, "--by", "ada")
    assert again.code == 0
    late = await scene.say("reject", scene.target, scene.request, "--by", "grace")
    assert late.code == 1
    assert "already decided" in late.err
    decisions = [one for one in (await scene.report()).decisions if one.accepted]
    assert [one.by for one in decisions] == ["ada"]


async def test_reject_for_machines(scene: Scene) -> None:
    said = await scene.say("reject", scene.target, scene.request, "--by", "grace", "--json")
    assert said.json["accepted"] is True
    assert said.json["approve"] is False


async def test_the_name_may_come_from_the_environment(scene: Scene) -> None:
    said = await poolmedic(
        "approve", scene.target, scene.request, environment=scene.environment | {"POOLMEDIC_BY": "ada"}
    )
    assert said.code == 0, said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("approve", "{target}", "{request}", "--by", "mallory"), "may not decide"),
        (("approve", "{target}", "of-another-day", "--by", "ada"), "the request that waits is"),
        (("show", "nowhere"), "no open incident"),
        (("watch", "nowhere"), "no open incident"),
        (("acknowledge", "nowhere", "--by", "ada"), "no open incident"),
        (("reject", "nowhere", "x", "--by", "ada"), "no open incident"),
    ],
)
async def test_what_failed_is_told_in_a_sentence(scene: Scene, arguments: tuple[str, ...], told: str) -> None:
    filled = [one.format(target=scene.target, request=scene.request) for one in arguments]
    said = await scene.say(*filled)
    assert said.code == 1
    assert told in said.err
    assert "Traceback" not in said.err + said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "no/such name"),
        ("watch", "no/such name"),
        ("report", "shop", "--run", "no/such run"),
        ("report", "shop", "--format", "pdf"),
        ("show", f"evil{ESCAPE}"),
        ("approve", "shop", "x"),
        ("approve", "shop", "x", "--by", " "),
        ("incidents", "--limit", "none"),
        ("frobnicate",),
        (),
    ],
)
async def test_a_wrong_command_is_a_usage_error(
    environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    said = await poolmedic(*arguments, environment=environment)
    assert said.code == 2
    assert said.out + said.err
    assert ESCAPE not in said.err + said.out
    assert "Traceback" not in said.err + said.out


async def test_without_temporal_commands_say_what_to_set() -> None:
    said = await poolmedic("incidents", environment={"TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}"})
    assert said.code == 1
    assert "TEMPORAL_ADDRESS" in said.err
    assert len(said.err.strip().splitlines()) == 1


async def test_an_incident_that_no_worker_has_taken_up(client: Client, environment: dict[str, str]) -> None:
    subject = cases.target(fresh_name())
    case = cases.case(subject, cases.policy(), cases.alert(subject, World(subject).opened))
    handle = await client.start_workflow(
        "Incident", case, id=f"pool/{subject.name}", task_queue="nobody-polls-this"
    )
    try:
        said = await poolmedic("show", subject.name, environment=environment)
        assert said.code == 1
        assert "worker" in said.err
        assert (
            await poolmedic("acknowledge", subject.name, "--by", "ada", environment=environment)
        ).code == 0
        said = await poolmedic("approve", subject.name, "x", "--by", "ada", environment=environment)
        assert said.code == 1
        assert "not known whether the answer counts" in said.err
    finally:
        await handle.terminate("the test is over")


async def test_setup_is_safe_to_repeat(environment: dict[str, str], client: Client) -> None:
    said = await poolmedic("setup", "--json", environment=environment)
    assert said.code == 0
    assert all("was" in sentence for sentence in said.json["done"])
    assert len(said.json["done"]) == len(attributes.ALL) + 1
    del client


async def test_setup_says_what_to_do_about_a_namespace_that_is_not_there(environment: dict[str, str]) -> None:
    said = await poolmedic("setup", environment=environment | {"TEMPORAL_NAMESPACE": "nowhere"})
    assert said.code == 1
    assert "nowhere is not found" in said.err
    assert "TEMPORAL_NAMESPACE" in said.err


async def test_check_refuses_a_configuration_with_every_fault(tmp_path: Path) -> None:
    (tmp_path / "poolmedic.yaml").write_text("prometheus: {uri: x}\ntargets: []\nroutes: {}\n")
    said = await poolmedic("check", "--config", str(tmp_path / "poolmedic.yaml"))
    assert said.code == 2
    for path in ("prometheus.uri (line 1)", "prometheus.url", "targets", "routes"):
        assert path in said.err
