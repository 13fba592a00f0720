"""The kill switch on the command line, beside a real Temporal server: with a worker, and without any."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge
from temporalio.client import Client
from temporalio.worker import Worker

from deploy.local import temporal
from deploy.local.state import State
from deploy.local.temporal import Temporal
from tests.e2e.cli_stand import Said, poolmedic
from tests.e2e.ledger_stand import asked, begun, close_all, listed
from tests.e2e.sealed_stand import client_with, setting
from tests.unit.configurations import another, raw
from worker.databases import Databases
from worker.pauses import measured_pauses
from worker.payload_keys import PayloadKey
from workflows.database import Database
from workflows.models.permit import Ledger, Order
from workflows.naming import DATABASE_WORKFLOW, database_id, temporary_id, workflow_id
from workflows.sandbox import runner

QUEUE = "pausing"
WORKERS, LAPTOP = PayloadKey("workers", b"w" * 32), PayloadKey("laptop", b"l" * 32)
WHO = ("--by", "anna", "--why", "a migration runs")


@pytest.fixture(scope="module")
async def temporal_server(stack_state: State) -> AsyncIterator[Temporal]:
    """Its own: --all is for everything that is open, also for what other tests have left."""
    async with temporal.serve(stack_state, temporal.Settings(name="temporal-paused")) as server:
        yield server


@pytest.fixture
def environment(temporal_server: Temporal, tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "poolmedic.yaml"
    mail = another("mail")
    mail["database"] = mail["database"] | {"name": "other"}
    file.write_text(yaml.safe_dump(raw() | {"targets": [another("shop"), another("news"), mail]}))
    return {
        "TEMPORAL_ADDRESS": temporal_server.address,
        "POOLMEDIC_CONFIG": str(file),
        "POOLMEDIC_TASK_QUEUE": QUEUE,
    }


@pytest.fixture
async def worker(client: Client) -> AsyncIterator[None]:
    async with Worker(client, task_queue=QUEUE, workflows=[Database], workflow_runner=runner()):
        yield


@pytest.fixture(autouse=True)
async def _clear(client: Client) -> AsyncIterator[None]:
    yield
    await close_all(client)


def lines(said: Said) -> list[str]:
    """Without those that tell of earlier orders."""
    assert (said.code, said.err) == (0, "")
    return [line for line in said.out.splitlines() if not line.startswith("  ")]


async def test_one_target_is_paused_and_resumed(environment: dict[str, str], worker: None) -> None:
    (told,) = lines(await poolmedic("pause", "shop", *WHO, environment=environment))
    assert told.startswith('main: paused: shop, by "anna" since ')
    assert told.endswith(' UTC: "a migration runs".')
    (told,) = lines(await poolmedic("resume", "shop", *WHO, environment=environment))
    assert told == "main: nothing is under way, paused or promised."


async def test_who_paused_and_who_resumed_is_told_with_the_next_order(
    environment: dict[str, str], worker: None
) -> None:
    await poolmedic("pause", "shop", *WHO, environment=environment)
    await poolmedic("resume", "shop", "--by", "bert", "--why", "it is over", environment=environment)
    said = await poolmedic("pause", "shop", "--by", "carl", "--why", "again", environment=environment)
    resumed, paused, *_ = [line for line in said.out.splitlines() if line.startswith("  before: ")]
    assert resumed.endswith(' UTC resumed shop, by "bert": "it is over".')
    assert paused.endswith(' UTC paused shop, by "anna": "a migration runs".')
    resume = await poolmedic("resume", "shop", "--json", *WHO, environment=environment)
    last = resume.json["main"]["orders"][-3:]
    assert [(each["by"], each["is_pause"]) for each in last] == [
        ("bert", False),
        ("carl", True),
        ("anna", False),
    ]


async def test_all_is_every_database_and_is_taken_back_as_such(
    environment: dict[str, str], worker: None
) -> None:
    said = await poolmedic("pause", "--all", "--json", *WHO, environment=environment)
    assert [
        [stop["by"], stop["target"]] for name in ("main", "other") for stop in said.json[name]["stops"]
    ] == [["anna", None]] * 2
    (told,) = lines(await poolmedic("resume", "shop", *WHO, environment=environment))
    assert "paused: all targets of this database" in told
    resumed = lines(await poolmedic("resume", "--all", *WHO, environment=environment))
    assert [line.partition(":")[0] for line in resumed] == ["main", "other"]
    assert all("nothing is under way" in line for line in resumed)


async def test_all_reaches_a_ledger_whose_name_the_file_has_no_more(
    environment: dict[str, str], client: Client, worker: None
) -> None:
    """An incident that began before `database.name` was changed goes on to ask it."""
    await Databases(client, QUEUE).resume(["old"], Order(by="anna", why="it is there"))
    await listed(client, database_id("old"))
    assert (await asked(client, "old")).is_granted

    told = lines(await poolmedic("pause", "--all", *WHO, environment=environment))
    assert [line.partition(":")[0] for line in told] == [
        "main",
        "other",
        "old (not in the configuration file)",
    ]
    assert 'paused: all targets of this database, by "anna"' in told[2]
    assert '"anna"' in ((await asked(client, "old")).paused or "")

    told = lines(await poolmedic("resume", "--all", *WHO, environment=environment))
    assert told[2] == "old (not in the configuration file): nothing is under way, paused or promised."
    assert (await asked(client, "old")).is_granted


async def test_all_reaches_what_an_open_incident_will_ask_though_nobody_asked_yet(
    environment: dict[str, str], client: Client, worker: None
) -> None:
    """Its target may be gone from the file too."""
    await begun(client, workflow_id("gone"), "former")
    await listed(client, workflow_id("gone"))
    said = await poolmedic("pause", "--all", "--json", *WHO, environment=environment)
    assert (said.code, list(said.json)) == (0, ["main", "other", "former"])
    assert (await asked(client, "former")).paused


async def test_one_target_is_paused_where_what_is_open_of_it_asks(
    environment: dict[str, str], client: Client, worker: None
) -> None:
    await begun(client, workflow_id("shop"), "old")
    await begun(client, temporary_id("shop"), "older")
    await begun(client, workflow_id("news"), "elsewhere")
    told = lines(await poolmedic("pause", "shop", *WHO, environment=environment))
    assert [line.partition(": paused: shop, ")[0] for line in told] == [
        "main",
        "old (by this name what is open of shop asks)",
        "older (by this name what is open of shop asks)",
    ]
    for name in ("old", "older"):
        assert (await asked(client, name, "shop")).paused
        assert (await asked(client, name, "news")).is_granted

    await client.get_workflow_handle(workflow_id("shop")).terminate()
    told = lines(await poolmedic("resume", "shop", *WHO, environment=environment))
    assert [line.partition(" ")[0] for line in told] == ["main:", "older"]
    assert (await asked(client, "older", "shop")).is_granted


@pytest.mark.parametrize("whom", ["shop", "--all"])
async def test_where_others_could_not_be_looked_for_it_is_said_and_the_rest_is_paused(
    environment: dict[str, str], client: Client, worker: None, whom: str
) -> None:
    await begun(client, workflow_id("shop"), None)
    said = await poolmedic("pause", whom, *WHO, environment=environment)
    assert said.code == 1
    assert said.out.startswith("main: paused: ")
    assert "may not have heard it" in said.err
    assert said.err.count("pool/shop was started without PoolmedicDatabase") == 1
    assert (await asked(client, "main", "shop")).paused


async def test_without_a_worker_it_is_kept_and_holds_once_one_comes(
    environment: dict[str, str], client: Client
) -> None:
    (told,) = lines(await poolmedic("pause", "shop", *WHO, environment=environment))
    assert re.match(r"main: Temporal has it; no worker .* task queue \(pausing\)", told)
    assert "Until one does, no act is permitted on any target of main" in told
    async with Worker(client, task_queue=QUEUE, workflows=[Database], workflow_runner=runner()):
        (told,) = lines(await poolmedic("pause", "news", *WHO, environment=environment))
    assert "paused: shop" in told
    assert "paused: news" in told


async def test_a_pause_on_a_task_queue_that_no_worker_takes_says_what_holds_and_how_to_get_on(
    environment: dict[str, str], client: Client, worker: None
) -> None:
    """It was the first to speak of this database, so that its workflow waits there for good."""
    wrong = environment | {"POOLMEDIC_TASK_QUEUE": "elsewhere"}
    (told,) = lines(await poolmedic("pause", "shop", *WHO, environment=wrong))
    assert "no worker takes its task queue (elsewhere)" in told
    assert "no act is permitted on any target of main, paused or not" in told
    (way_out,) = re.findall(r"temporal workflow terminate --workflow-id (\S+)`", told)
    (resumed,) = lines(await poolmedic("resume", "shop", *WHO, environment=environment))
    assert "no act is permitted on any target of main, paused or not" in resumed

    await client.get_workflow_handle(way_out).terminate()
    (told,) = lines(await poolmedic("pause", "shop", *WHO, environment=environment))
    assert told.startswith("main: paused: shop")
    (told,) = lines(await poolmedic("pause", "news", *WHO, environment=wrong))
    assert "paused: news" in told


async def until(gauge: Gauge, samples: dict[str, float | None]) -> None:
    """Until this is measured: nothing but 0 and times since the test began, spelled as 1."""
    began = time.time()
    async with asyncio.timeout(20):
        while True:
            (family,) = gauge.collect()
            found = {
                each.labels["database"]: each.value and each.value > began - 60 for each in family.samples
            }
            if found == samples:
                return
            await asyncio.sleep(0.05)


async def test_since_when_acts_are_paused_is_measured(environment: dict[str, str], client: Client) -> None:
    gauge = Gauge("pause", "x", ["database"], registry=CollectorRegistry())
    databases = Databases(client, QUEUE)
    async with measured_pauses(databases, ["main", "other", "main"], gauge, every=0.1):
        await until(gauge, {"main": 0, "other": 0})
        async with Worker(client, task_queue=QUEUE, workflows=[Database], workflow_runner=runner()):
            await databases.pause(["main"], Order(by="anna", why="a migration runs"))
            await until(gauge, {"main": 1, "other": 0})
            await databases.resume(["main"], Order(by="anna", why="it is over"))
            await until(gauge, {"main": 0, "other": 0})
            await databases.pause(["main"], Order(by="anna", why="a migration runs"))
        await until(gauge, {"other": 0})
        await client.get_workflow_handle(database_id("main")).terminate()
        await until(gauge, {"main": 0, "other": 0})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name a target, or say --all for every one of them"),
        (("shop", "--all"), "name a target, or say --all"),
        (("shopp",), "shopp is not in the configuration; there are: shop, news, mail"),
    ],
)
async def test_what_to_pause_must_be_certain(
    environment: dict[str, str], arguments: tuple[str, ...], told: str
) -> None:
    said = await poolmedic("pause", *arguments, *WHO, environment=environment)
    assert said.code == 2
    assert told in said.err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "--by is empty; give your name"),
        ("poolmedic", "--by: poolmedic is what this program calls itself"),
    ],
)
async def test_it_needs_the_name_of_a_person(environment: dict[str, str], name: str, told: str) -> None:
    said = await poolmedic("pause", "shop", "--by", name, "--why", "x", environment=environment)
    assert (said.code, told in said.err) == (2, True)


@pytest.mark.parametrize("keys", [(), (LAPTOP,)], ids=["no key", "another key"])
async def test_it_is_heard_everywhere_though_the_answer_cannot_be_read(
    environment: dict[str, str], temporal_server: Temporal, keys: tuple[PayloadKey, ...]
) -> None:
    own = environment | setting(*keys)
    sealed = await client_with(temporal_server, WORKERS)
    async with Worker(sealed, task_queue=QUEUE, workflows=[Database], workflow_runner=runner()):
        for name in ("main", "other"):
            await sealed.start_workflow(DATABASE_WORKFLOW, Ledger(), id=database_id(name), task_queue=QUEUE)
        told = lines(await poolmedic("pause", "--all", *WHO, environment=own))
        assert [line.partition(":")[0] for line in told] == ["main", "other"]
        assert all("Temporal has it; a payload is encrypted with the key 'workers'" in line for line in told)
        for name in ("main", "other"):
            handle = sealed.get_workflow_handle(database_id(name))
            ledger: Ledger = await handle.query("state", result_type=Ledger)
            assert [stop.by for stop in ledger.stops] == ["anna"]
