"""The project's rules and routes, judged by Prometheus' and Alertmanager's own tools and by what arrives."""

import contextlib
import json
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override

import pytest
import yaml

from deploy.local import alertmanager, probes, prometheus, receiver, templates
from deploy.local.state import State

RULES = templates.FOLDER / "rules.yml"
EXHAUSTED = "DatabaseConnectionPoolExhausted"
HIGH = "DatabaseConnectionPoolHigh"
NEARLY = "DatabaseConnectionPoolNearlyExhausted"
UNACKNOWLEDGED = "DatabaseConnectionPoolUnacknowledged"


@dataclass
class Worker:
    """Stands where poolmedic would: an HTTP server that serves metrics and writes down what is posted."""

    address: str
    active: int = 0
    size: int = 10
    is_available: bool = True
    deliveries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusals: int = 0

    def metrics(self) -> str:
        return f"covet_db_connections_active {self.active}\ncovet_db_connection_pool_size {self.size}\n"

    def alerts(self, status: str) -> list[dict[str, str]]:
        return [
            alert["labels"]
            for _, body in self.deliveries
            for alert in body["alerts"]
            if alert["status"] == status
        ]


@contextlib.contextmanager
def serving(port: int) -> Iterator[Worker]:
    worker = Worker(f"127.0.0.1:{port}")

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, worker.metrics())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not worker.is_available:
                worker.refusals += 1
                self.answer(503, "later")
                return
            worker.deliveries.append((self.headers["Authorization"], body))
            self.answer(200, "taken")

        def answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield worker
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
async def alerting(stack_state: State, receiver: receiver.Receiver) -> AsyncIterator[Worker]:
    """Prometheus and Alertmanager of their own, with one pool to watch."""
    token = stack_state.secret_file("webhook-token")
    with serving(stack_state.port("alerted")) as worker:
        routes = alertmanager.Settings(
            poolmedic_url=f"http://{worker.address}/alerts",
            people_url=f"{receiver.url}/alerted-people",
            token_file=token,
            group_wait="0s",
            group_interval="1s",
            poolmedic_group_interval="1s",
        )
        async with alertmanager.serve(stack_state, routes) as alerts:
            metrics = prometheus.Settings(
                name="alerting",
                scrape_interval="1s",
                scrape_timeout="1s",
                alertmanagers=[alerts.address],
                waits={HIGH: "0s", EXHAUSTED: "1s", NEARLY: "1h", UNACKNOWLEDGED: "2s"},
                resend_delay="1s",
            )
            watched = prometheus.Application(worker.address, "orders", "orders-1")
            async with prometheus.serve(stack_state, metrics, [watched]):
                yield worker


async def eventually(worker: Worker, status: str, within: float = 20) -> list[dict[str, str]]:
    async def ask() -> str | None:
        return None if worker.alerts(status) else f"nothing {status} was delivered"

    assert await probes.until(ask, within) is None
    return worker.alerts(status)


async def test_an_exhausted_pool_reaches_the_worker_and_a_busy_one_people(
    alerting: Worker, receiver: receiver.Receiver, stack_state: State
) -> None:
    alerting.active = 9
    told = await receiver.wait_for(lambda message: message.path == "/alerted-people", within=20)
    assert {alert["labels"]["alertname"] for alert in told.body["alerts"]} == {HIGH}
    assert alerting.deliveries == []

    alerting.is_available = False
    alerting.active = 10

    async def refused() -> str | None:
        return None if alerting.refusals else "not asked yet"

    assert await probes.until(refused, 20) is None
    await receiver.wait_for(is_called_past_the_tool, within=20)
    alerting.is_available = True
    (first, *_) = await eventually(alerting, "firing")
    assert first == {
        "alertname": EXHAUSTED,
        "service": "orders",
        "instance": "orders-1",
        "severity": "critical",
    }
    assert {header for header, _ in alerting.deliveries} == {f"Bearer {stack_state.secret('webhook-token')}"}

    alerting.active = 1
    assert (await eventually(alerting, "resolved"))[0] == first
    everything = receiver.messages("/alerted-people")
    names = {alert["labels"]["alertname"] for message in everything for alert in message.body["alerts"]}
    assert EXHAUSTED not in names


def is_called_past_the_tool(message: receiver.Message) -> bool:
    """People hear of a full pool although poolmedic takes no alert and shows no metrics."""
    names = {alert["labels"]["alertname"] for alert in message.body.get("alerts", [])}
    return message.path == "/alerted-people" and UNACKNOWLEDGED in names


def test_the_rules_pass_their_own_tests() -> None:
    for command in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]):
        said = run("promtool", *command)
        assert "SUCCESS" in said, said


def test_the_rules_tests_can_fail(tmp_path: Path) -> None:
    (tmp_path / "rules_test.yml").write_text((templates.FOLDER / "rules_test.yml").read_text())
    (tmp_path / "rules.yml").write_text(RULES.read_text().replace("by (service, instance)", "by (service)"))
    with pytest.raises(subprocess.CalledProcessError):
        run("promtool", "test", "rules", "rules_test.yml", folder=tmp_path)


def test_every_alert_says_what_it_is_and_has_tests() -> None:
    tested = {
        case["alertname"]
        for test in yaml.safe_load((templates.FOLDER / "rules_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    }
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"]["severity"] in {"warning", "critical"}
                assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
                assert rule["alert"] in tested


def test_rendered_files_are_valid(tmp_path: Path) -> None:
    rules = templates.render_rules(tmp_path / "rules.yml", {EXHAUSTED: "7s"})
    rendered = yaml.safe_load(rules.read_text())
    waits = {rule.get("alert"): rule.get("for") for group in rendered["groups"] for rule in group["rules"]}
    assert (waits[EXHAUSTED], waits[HIGH]) == ("7s", "2m")
    (tmp_path / "token").write_text("secret")
    (tmp_path / "applications.json").write_text("[]")
    metrics = templates.render(
        "prometheus.yml.j2",
        tmp_path / "prometheus.yml",
        scrape_interval="15s",
        scrape_timeout="10s",
        rules=str(rules),
        alertmanagers=["127.0.0.1:9093"],
        applications=str(tmp_path / "applications.json"),
        jobs={
            "poolmedic": prometheus.Job("127.0.0.1:8080", tmp_path / "token"),
            "alertmanager": prometheus.Job("127.0.0.1:9093"),
        },
    )
    assert "SUCCESS" in run("promtool", "check", "config", str(metrics))
    _, poolmedic, alerts = yaml.safe_load(metrics.read_text())["scrape_configs"]
    assert poolmedic["authorization"] == {"type": "Bearer", "credentials_file": str(tmp_path / "token")}
    assert "authorization" not in alerts


def test_an_unknown_alert_is_no_setting(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="NoSuchAlert"):
        templates.render_rules(tmp_path / "rules.yml", {"NoSuchAlert": "1s"})


def run(*command: str, folder: Path = templates.FOLDER) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr
