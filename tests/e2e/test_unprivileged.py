"""poolmedic as a user who may do nothing on its machine, and reaches the engine by an allow-list alone."""

import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from deploy.demo.run_history import end_of, scheduled
from deploy.local import probes
from deploy.local.engine import Engine
from deploy.local.postgres import Postgres
from deploy.local.receiver import Receiver
from deploy.local.state import State
from deploy.local.temporal import Temporal
from tests.e2e.cli_stand import poolmedic
from tests.e2e.test_services import SECONDS, serving
from tests.e2e.unprivileged import give, prefix
from tests.e2e.webhook_stand import TOKEN, alert, bearer, payload
from tests.ports.container_stage import USUAL, RealContainers
from tests.ports.engine_proxy import EngineProxy
from tests.ports.sessions import leaking
from tests.ports.socket_proxies import BY_PATH, by_path
from tests.unit.configurations import raw

TARGET = "unprivileged"


@dataclass(frozen=True)
class Place:
    """What the unprivileged user is given: a folder, and an environment that leads to real servers."""

    folder: Path
    environment: dict[str, str]
    engine: EngineProxy

    @property
    def prefix(self) -> list[str]:
        return prefix(self.folder)


@pytest.fixture
async def place(
    stack_state: State,
    docker_engine: Engine,
    postgres_server: Postgres,
    temporal_server: Temporal,
    receiver: Receiver,
) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        # Not below the folder of pytest, which only its own user may enter.
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="poolmedic-unprivileged-")))
        stage = RealContainers(stack_state, docker_engine, stack)
        await stage.run(USUAL)
        configuration = raw()
        (target,) = configuration["targets"]
        (instance,) = stage.target.instances
        described = {"name": instance.name, "url": str(instance.url), "container": instance.container}
        target |= {"name": TARGET, "matchers": {"job": TARGET}}
        target["instances"] = [described | {"pool_size": instance.pool_size}]
        target["database"] |= {"dbname": "covetpy", "role": "covetpy", "application_names": ["orders-api"]}
        proxy = stack.enter_context(EngineProxy.before(docker_engine.address, by_path(BY_PATH[0])))
        (folder / "poolmedic.yaml").write_text(yaml.safe_dump(configuration))
        (folder / "token").write_text(TOKEN)
        (folder / "token").chmod(0o600)
        give(folder)
        people = receiver.apprise_url(TARGET)
        environment = {
            "HOME": str(folder),
            "POOLMEDIC_CONFIG": str(folder / "poolmedic.yaml"),
            "POOLMEDIC_WEBHOOK_TOKENS_FILE": str(folder / "token"),
            "POOLMEDIC_REPORTS": str(folder / "reports"),
            "POOLMEDIC_DOCKER_HOST": proxy.address,
            "POOLMEDIC_TASK_QUEUE": TARGET,
            "TEMPORAL_ADDRESS": temporal_server.address,
            "SHOP_DSN": postgres_server.medic_dsn,
            **dict.fromkeys(("ONCALL_URL", "DBA_URL", "LEAD_URL"), people),
        }
        yield Place(folder, environment, proxy)


async def test_check_has_nothing_against_it(place: Place, client: Client) -> None:
    said = await poolmedic(
        "check", "--json", environment=place.environment, prefix=place.prefix, within=3 * SECONDS
    )
    found = {each["where"]: each["weight"] for each in said.json}
    problems = {where for where, weight in found.items() if weight == "problem"}
    # There are no metrics and no pages of the drill's kind here.
    assert {where for where in problems if " metrics" not in where and " application" not in where} == set()
    assert found["reports"] == found["temporal"] == found[f"{TARGET} containers"] == "ok"
    assert f"{TARGET} database" in found


async def test_run_takes_an_alert_and_investigates_without_any_privilege(
    place: Place, client: Client, postgres_server: Postgres, receiver: Receiver
) -> None:
    service_log = place.folder / "log"
    async with (
        leaking(postgres_server),
        serving("run", place.environment, service_log, prefix=place.prefix) as service,
    ):
        await service.until("/readyz", 200, within=3 * SECONDS)
        assert_unprivileged(service.child.pid)
        fired = payload(alert(TARGET))
        assert (await service.http.post("/alerts", json=fired, headers=bearer(TOKEN))).status_code == 200
        incident = client.get_workflow_handle(f"pool/{TARGET}")

        found: list[dict[str, Any]] = []

        async def ask() -> str | None:
            events = (await incident.fetch_history()).events
            found.extend(results(events))
            return None if found else "not read yet"

        try:
            assert await probes.until(ask, 3 * SECONDS) is None
            await receiver.wait_for(lambda page: page.path == f"/{TARGET}", 3 * SECONDS)
        finally:
            await incident.terminate("the test is over")
        assert await service.end(signal.SIGTERM) == 0
    database, instances = found
    assert database["server"]["can_terminate"] is True
    assert len(database["sessions"]) == 1
    assert [each["kind"] for each in instances["instances"].values()] == ["known"]
    assert {request.method for request in place.engine.requests} == {"GET"}
    assert "Traceback" not in service_log.read_text()


def results(events: Sequence[HistoryEvent]) -> list[dict[str, Any]]:
    """What the database and the engine said, once both have."""
    asked = [each for name in ("read_database", "read_containers") for each in scheduled(events, name)[:1]]
    ends = [end for each in asked if (end := end_of(events, each))]
    said = [end.activity_task_completed_event_attributes.result.payloads[0].data for end in ends]
    return [json.loads(each) for each in said] if len(said) == 2 else []


def assert_unprivileged(pid: int) -> None:
    """By the kernel's word: not root, in nobody's group but its own, and able to get no more."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    told = {name: status[name].split() for name in ("Uid", "Gid", "CapEff", "CapPrm")}
    assert "0" not in told["Uid"] + told["Gid"]
    assert int(told["CapEff"][0], 16) == int(told["CapPrm"][0], 16) == 0
    if os.geteuid() == 0:
        assert (status["NoNewPrivs"].strip(), status["Groups"].strip()) == ("1", "")
        assert int(status["CapBnd"], 16) == 0
