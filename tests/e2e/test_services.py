"""The services as processes: they start, say what is wrong, serve, and end when told to."""

import asyncio
import contextlib
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

from deploy.local import probes
from deploy.local.temporal import Temporal
from tests.e2e.cli_stand import ROOT, clean_environment, poolmedic
from tests.e2e.webhook_stand import TOKEN, alert, bearer, payload
from tests.unit.configurations import raw
from worker.sdk_metrics import free_port

SECONDS = 30.0
FAILED = "temporal_activity_execution_failed_total"
SECRETS = {
    "ONCALL_URL": "json://127.0.0.1:9/oncall",
    "DBA_URL": "json://127.0.0.1:9/dba",
    "LEAD_URL": "json://127.0.0.1:9/lead",
    "SHOP_DSN": "postgresql://poolmedic:hunter2secret@127.0.0.1:9/shop",
}


@dataclass(frozen=True)
class Service:
    """A running service of ours."""

    child: asyncio.subprocess.Process
    http: httpx.AsyncClient
    log: Path

    async def until(self, page: str, status: int, within: float = SECONDS) -> httpx.Response:
        """The page, once it answers so."""
        async with asyncio.timeout(within):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = await self.http.get(page)
                    if answer.status_code == status:
                        return answer
                assert self.child.returncode is None, self.log.read_text()
                await asyncio.sleep(0.1)

    async def until_logged(self, text: str) -> None:
        """Once its log holds that."""
        async with asyncio.timeout(SECONDS):
            while text not in self.log.read_text():
                assert self.child.returncode is None, self.log.read_text()
                await asyncio.sleep(0.1)

    async def end(self, number: signal.Signals) -> int:
        """Its exit code after that signal."""
        self.child.send_signal(number)
        return await asyncio.wait_for(self.child.wait(), SECONDS)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Everything a service needs, but no Temporal."""
    (tmp_path / "poolmedic.yaml").write_text(yaml.safe_dump(raw()))
    return SECRETS | {
        "POOLMEDIC_CONFIG": str(tmp_path / "poolmedic.yaml"),
        "POOLMEDIC_WEBHOOK_TOKENS": TOKEN,
        "POOLMEDIC_REPORTS": str(tmp_path / "reports"),
        "POOLMEDIC_LOG_FORMAT": "json",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }


@contextlib.asynccontextmanager
async def serving(
    command: str, environment: dict[str, str], log: Path, *, prefix: Sequence[str] = ()
) -> AsyncIterator[Service]:
    """`prefix`: a program that becomes the service, and its arguments."""
    port = str(free_port())
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-m", "worker", command),
            cwd=ROOT,
            env=clean_environment() | environment | {"POOLMEDIC_PORT": port, "POOLMEDIC_WORKER_PORT": port},
            stdout=output,
            stderr=output,
        )
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10
        ) as http:
            yield Service(child, http, log)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_webhook_serves_without_temporal_and_ends_when_told(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    async with serving("webhook", environment, tmp_path / "log") as service:
        await service.until("/healthz", 200)
        assert (await service.http.get("/readyz")).status_code == 503
        answer = await service.http.post("/alerts", json=payload(alert("shop")), headers=bearer(TOKEN))
        assert answer.status_code == 503
        metrics = (await service.http.get("/metrics", headers=bearer(TOKEN))).text
        assert 'poolmedic_deliveries_total{result="unavailable"} 1.0' in metrics
        assert "metrics are unavailable" not in metrics
        assert "poolmedic_temporal_up 0.0" in metrics
        assert await service.end(number) == 0
    log = service.log.read_text()
    assert "Traceback" not in log
    assert TOKEN not in log


async def test_a_webhook_needs_no_secret_of_the_worker(environment: dict[str, str], tmp_path: Path) -> None:
    alone = {name: value for name, value in environment.items() if name not in SECRETS}
    async with serving("webhook", alone, tmp_path / "log") as service:
        assert (await service.until("/healthz", 200)).json() == {"status": "ok"}


async def test_a_service_takes_as_many_open_files_as_it_may(
    environment: dict[str, str], tmp_path: Path
) -> None:
    few = ("sh", "-c", 'ulimit -Sn 100 && ulimit -Hn 1000 && exec "$@"', "sh")
    async with serving("webhook", environment, tmp_path / "log", prefix=few) as service:
        await service.until("/healthz", 200)
        assert resource.prlimit(service.child.pid, resource.RLIMIT_NOFILE) == (1000, 1000)


async def test_run_takes_alerts_and_works(
    environment: dict[str, str], temporal_server: Temporal, tmp_path: Path
) -> None:
    environment |= {"TEMPORAL_ADDRESS": temporal_server.address, "POOLMEDIC_TASK_QUEUE": "services-run"}
    assert (await poolmedic("setup", environment=environment)).code == 0
    async with serving("run", environment, tmp_path / "log") as service:
        ready = await service.until("/readyz", 200)
        assert ready.json() == {"temporal": True, "worker": True}
        metrics = (await service.http.get("/metrics", headers=bearer(TOKEN))).text
        assert "temporal_worker_task_slots" in metrics
        assert "poolmedic_build_info" in metrics
        assert "poolmedic_worker_up 1.0" in metrics
        await service.until_logged('"source": "shop database"')
        assert await service.end(signal.SIGTERM) == 0
    log = service.log.read_text()
    assert "Traceback" not in log
    assert "hunter2secret" not in log
    assert "database not reached" in log
    for source in ("metrics", "application instances.shop-1:8000", "containers"):
        assert f'"source": "shop {source}' in log


async def test_prometheus_sees_an_incident_that_nobody_has_in_hand_and_pages_that_nobody_gets(
    environment: dict[str, str], client: Client, temporal_server: Temporal, tmp_path: Path
) -> None:
    environment |= {"TEMPORAL_ADDRESS": temporal_server.address, "POOLMEDIC_TASK_QUEUE": "services-seen"}
    began = time.time()
    async with serving("run", environment, tmp_path / "log") as service:
        await service.until("/readyz", 200)
        labels = alert("shop")["labels"] | {"service": "shop"}
        fired = payload(alert("shop", labels=labels))
        assert (await service.http.post("/alerts", json=fired, headers=bearer(TOKEN))).status_code == 200
        try:
            assert await probes.until(lambda: is_overdue(service), SECONDS) is None
            seen = await gauges(service)
        finally:
            await client.get_workflow_handle("pool/shop").terminate("the test is over")
    assert (seen["poolmedic_temporal_up"], seen["poolmedic_worker_up"]) == (1, 1)
    assert began < seen["poolmedic_incident_unacknowledged_time_seconds"] < time.time()
    assert "poolmedic_incident_acknowledged_time_seconds" not in seen


async def is_overdue(service: Service) -> str | None:
    return None if (await gauges(service)).get("tried_in_vain") else "no page was tried in vain"


async def gauges(service: Service) -> dict[str, float]:
    """By name; those of an incident only with the labels by which the rules find them."""
    page = (await service.http.get("/metrics", headers=bearer(TOKEN))).text
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.labels.get("target", "shop") == sample.labels.get("service", "shop") == "shop":
                found[sample.name] = sample.value
            if sample.name == FAILED and sample.labels["activity_type"] == "send_page":
                found["tried_in_vain"] = sample.value
    return found


async def test_a_worker_that_died_does_not_make_its_successor_ready(
    environment: dict[str, str], temporal_server: Temporal, tmp_path: Path
) -> None:
    environment |= {"TEMPORAL_ADDRESS": temporal_server.address, "POOLMEDIC_TASK_QUEUE": "services-successor"}
    assert (await poolmedic("setup", environment=environment)).code == 0
    async with serving("run", environment, tmp_path / "log") as service:
        await service.until("/readyz", 200)
        assert await service.end(signal.SIGKILL) == -signal.SIGKILL
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        # The successor waits for its database before it works.
        environment |= {"SHOP_DSN": f"postgresql://poolmedic:hunter2secret@127.0.0.1:{port}/shop"}
        async with serving("run", environment, tmp_path / "log") as service:
            waiting = await service.until("/readyz", 503)
            while not waiting.json()["temporal"]:
                waiting = await service.until("/readyz", 503)
            assert waiting.json() == {"temporal": True, "worker": False}
            await service.until("/readyz", 200)


async def test_a_worker_on_its_own_shows_health_and_takes_no_alerts(
    environment: dict[str, str], temporal_server: Temporal, tmp_path: Path
) -> None:
    environment |= {"TEMPORAL_ADDRESS": temporal_server.address, "POOLMEDIC_TASK_QUEUE": "services-worker"}
    assert (await poolmedic("setup", environment=environment)).code == 0
    async with serving("worker", environment, tmp_path / "log") as service:
        await service.until("/readyz", 200)
        answer = await service.http.post("/alerts", json=payload(alert("shop")), headers=bearer(TOKEN))
        assert answer.status_code == 404
        assert await service.end(signal.SIGTERM) == 0


async def test_a_worker_waits_for_temporal_and_ends_when_told_meanwhile(
    environment: dict[str, str], tmp_path: Path
) -> None:
    async with serving("run", environment, tmp_path / "log") as service:
        await service.until("/healthz", 200)
        await service.until_logged("waiting for Temporal")
        assert await service.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("command", ["run", "webhook"])
async def test_without_a_token_nothing_starts(environment: dict[str, str], command: str) -> None:
    del environment["POOLMEDIC_WEBHOOK_TOKENS"]
    said = await poolmedic(command, environment=environment)
    assert said.code == 2
    assert said.err.startswith("the environment has 1 fault:\n  POOLMEDIC_WEBHOOK_TOKENS: is not set")


@pytest.mark.parametrize("command", ["run", "worker", "check"])
async def test_every_missing_secret_is_told_at_once(environment: dict[str, str], command: str) -> None:
    missing = {name: value for name, value in environment.items() if name not in SECRETS}
    said = await poolmedic(command, environment=missing)
    assert said.code == 2
    assert all(name in said.err for name in SECRETS)
    assert "targets[0].database.dsn" in said.err


async def test_a_port_that_is_taken_is_told(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = await poolmedic("webhook", "--port", port, environment=environment)
    assert said.code == 2
    assert f"127.0.0.1:{port}" in said.err
    assert "POOLMEDIC_PORT" in said.err


async def test_check_without_anything_to_reach_names_every_source(environment: dict[str, str]) -> None:
    environment["DOCKER_HOST"] = "tcp://127.0.0.1:9"
    said = await poolmedic("check", "--json", environment=environment)
    assert said.code == 1
    problems = {one["where"]: one["told"] for one in said.json if one["weight"] == "problem"}
    assert {one["where"] for one in said.json if one["weight"] == "note"} == set()
    sources = ("metrics", "database", "application instances.shop-1:8000", "containers")
    assert set(problems) == {"temporal", *(f"shop {source}" for source in sources)}
    assert all(problems.values())
    assert "POOLMEDIC_DOCKER_HOST" in problems["shop containers"]
    assert "hunter2secret" not in said.out + said.err


async def test_check_offline_reads_the_file_alone(environment: dict[str, str]) -> None:
    said = await poolmedic("check", "--offline", environment=environment)
    assert said.code == 0
    assert "ok" in said.out
