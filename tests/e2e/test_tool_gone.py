"""Prometheus, Alertmanager and the real tool, which is ended or fails: people hear of it past the tool."""

import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml
from temporalio.client import Client

from deploy.local import alertmanager, probes, prometheus, receiver, temporal
from deploy.local.opening import open_state
from deploy.local.ports import LOOPBACK
from deploy.local.process import Command, Process
from deploy.local.receiver import Message, Receiver
from deploy.local.state import State
from workflows import attributes
from workflows.payloads import converter

NOBODY = "http://127.0.0.1:9"
PEOPLE = "alertmanagers-people"
TASK_QUEUE = "poolmedic"
SECONDS_TO_START, SECONDS_TO_TELL = 60.0, 90.0
FULL = "covet_db_connections_active 10\ncovet_db_connection_pool_size 10\n"
CALLS = (
    "PoolmedicDown",
    "PoolmedicIdle",
    "PoolmedicPageOverdue",
    "PoolmedicFailing",
    "DatabaseConnectionPoolUnacknowledged",
)


class Watched(NamedTuple):
    """The tool, what it rests on, who watches it and who is told."""

    tool: Process
    url: str
    token: str
    temporal: temporal.Temporal
    client: Client
    metrics: prometheus.Prometheus
    application: prometheus.Application
    """With a full pool; nobody watches it yet."""
    people: Receiver

    async def calm(self, name: str) -> datetime:
        """The moment from which on this alert is known not to fire; fails if it goes on firing."""

        async def ask() -> str | None:
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"{self.metrics.url}/api/v1/alerts")
            firing = {alert["labels"]["alertname"] for alert in answer.json()["data"]["alerts"]}
            return f"{name} fires" if name in firing else None

        assert await probes.until(ask, SECONDS_TO_TELL) is None
        return datetime.now(UTC)

    async def hear(self, name: str, since: datetime) -> None:
        """Wait until people were told since then that this alert fires; fails after a while."""

        def is_it(message: Message) -> bool:
            alerts = message.body["alerts"] if message.path == f"/{PEOPLE}" else ()
            return message.at >= since and any(
                (alert["labels"]["alertname"], alert["status"]) == (name, "firing") for alert in alerts
            )

        await self.people.wait_for(is_it, SECONDS_TO_TELL)


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    folder = tmp_path_factory.mktemp("gone")
    kinds = {key.name: "Keyword" for key in attributes.ALL}
    with open_state(folder / "stack") as state:
        async with (
            receiver.serve(state) as people,
            temporal.serve(state, temporal.Settings(search_attributes=kinds)) as server,
            running_tool(state, server, folder) as tool,
            full_application(state) as application,
            alertmanager.serve(state, routing(state, people)) as alerts,
            prometheus.serve(state, scraping(state, alerts)) as metrics,
        ):
            client = await Client.connect(server.address, data_converter=converter)
            url, token = f"http://{LOOPBACK}:{state.port('tool')}", state.secret("webhook-token")
            yield Watched(tool, url, token, server, client, metrics, application, people)


def routing(state: State, people: Receiver) -> alertmanager.Settings:
    return alertmanager.Settings(
        poolmedic_url=f"{NOBODY}/alerts",
        people_url=f"{people.url}/{PEOPLE}",
        token_file=state.secret_file("webhook-token"),
        group_wait="0s",
        group_interval="1s",
    )


def scraping(state: State, alerts: alertmanager.Alertmanager) -> prometheus.Settings:
    job = prometheus.Job(f"{LOOPBACK}:{state.port('tool')}", state.secret_file("read-token"))
    return prometheus.Settings(
        scrape_interval="1s",
        scrape_timeout="1s",
        alertmanagers=[alerts.address],
        waits=dict.fromkeys(CALLS, "3s"),
        resend_delay="1s",
        jobs={"poolmedic": job},
    )


@contextlib.asynccontextmanager
async def running_tool(state: State, server: temporal.Temporal, folder: Path) -> AsyncIterator[Process]:
    """`poolmedic run`, with one target of which nothing can be read and a route that takes nothing."""
    file = folder / "poolmedic.yaml"
    file.write_text(yaml.safe_dump(configuration()))
    environment = {
        "TEMPORAL_ADDRESS": server.address,
        "POOLMEDIC_CONFIG": str(file),
        "POOLMEDIC_HOST": LOOPBACK,
        "POOLMEDIC_PORT": str(state.port("tool")),
        "POOLMEDIC_WEBHOOK_TOKENS": state.secret("webhook-token"),
        "POOLMEDIC_READ_TOKENS_FILE": str(state.secret_file("read-token")),
        "POOLMEDIC_REPORTS": str(folder / "reports"),
        "ONCALL": NOBODY.replace("http", "json", 1),
        "DSN": "postgresql://medic:secret@127.0.0.1:9/shop",
    }
    program = Path(sys.executable).parent / "poolmedic"
    tool = Process(state, Command(name="tool", arguments=[program, "run"], environment=environment))
    tool.start()
    try:
        await tool.wait_ready(probes.http(f"http://{LOOPBACK}:{state.port('tool')}/readyz"), SECONDS_TO_START)
        yield tool
    finally:
        await tool.stop()


@contextlib.asynccontextmanager
async def full_application(state: State) -> AsyncIterator[prometheus.Application]:
    """A page that says its pool is full, for as long as it lives."""
    page, port = state.directory("application"), state.port("application")
    (page / "metrics").write_text(FULL)
    line = [sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK]
    application = Process(state, Command(name="application", arguments=line, directory=page))
    application.start()
    try:
        yield prometheus.Application(f"{LOOPBACK}:{port}", "shop", "shop-1")
    finally:
        await application.stop()


def configuration() -> dict[str, Any]:
    return {
        "prometheus": {"url": NOBODY},
        "routes": {"oncall": ["ONCALL"]},
        "policies": {"default": {"mode": "observe"}},
        "targets": [
            {
                "name": "shop",
                "matchers": {"service": "shop"},
                "profile": "covetpy",
                "selector": {"service": "shop"},
                "instances": [{"name": "shop-1", "url": NOBODY, "pool_size": 10}],
                "database": {
                    "name": "shop",
                    "dsn": "DSN",
                    "dbname": "shop",
                    "role": "shop",
                    "application_names": ["shop"],
                },
                "routes": {level: ["oncall"] for level in ("l1", "l2", "l3")},
            }
        ],
    }


async def deliver(watched: Watched) -> None:
    """The alert of the full pool, as Alertmanager delivers it."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "DatabaseConnectionPoolExhausted", "service": "shop"},
        "annotations": {},
        "startsAt": datetime.now(UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{1:016x}",
    }
    payload = {
        "version": "4", "groupKey": "{}", "status": "firing", "receiver": "poolmedic", "groupLabels": {},
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": NOBODY, "alerts": [alert],
    }  # fmt: skip
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"Authorization": f"Bearer {watched.token}"}
        answer = await client.post(f"{watched.url}/alerts", json=payload, headers=headers)
    assert answer.is_success, answer.text


async def test_a_page_that_no_route_takes_calls_people(watched: Watched) -> None:
    since = await watched.calm("PoolmedicPageOverdue")
    await deliver(watched)
    await watched.hear("PoolmedicPageOverdue", since)


async def test_workflow_tasks_that_fail_call_people(watched: Watched) -> None:
    """Of a workflow that this worker does not know, as after a deployment that lost one."""
    since = await watched.calm("PoolmedicFailing")
    handle = await watched.client.start_workflow("Forgotten", id="forgotten", task_queue=TASK_QUEUE)
    try:
        await watched.hear("PoolmedicFailing", since)
    finally:
        await handle.terminate("seen")


async def test_a_tool_without_temporal_calls_people(watched: Watched) -> None:
    since = await watched.calm("PoolmedicIdle")
    await watched.temporal.process.kill()
    await watched.hear("PoolmedicIdle", since)


async def test_a_killed_tool_and_a_full_pool_call_people(watched: Watched) -> None:
    since = await watched.calm("PoolmedicDown")
    await watched.tool.kill()
    await watched.hear("PoolmedicDown", since)
    watched.metrics.watch([watched.application])
    await watched.hear("DatabaseConnectionPoolUnacknowledged", since)
