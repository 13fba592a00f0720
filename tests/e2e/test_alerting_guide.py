"""deploy/prometheus/README.md: its files can be copied, says each program's own tool."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local import templates
from workflows.models.policy import ClearWindow

GUIDE = (templates.FOLDER / "README.md").read_text()
RUNBOOK = (templates.FOLDER.parents[1] / "docs" / "on-call.md").read_text()
METRICS, ALERTS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """The file of Prometheus, with all that it names beside it."""
    shutil.copy(templates.RULES, tmp_path / "rules.yml")
    (tmp_path / "poolmedic-read-token").write_text("read-token-of-the-test")
    return written(tmp_path / "prometheus.yml", METRICS.replace("/etc/prometheus", str(tmp_path)))


@pytest.fixture
def alerts(tmp_path: Path) -> Path:
    """The file of Alertmanager."""
    return written(tmp_path / "alertmanager.yml", ALERTS)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_prometheus_takes_its_file(metrics: Path) -> None:
    groups = yaml.safe_load(templates.RULES.read_text())["groups"]
    number = sum(len(group["rules"]) for group in groups)
    assert f"SUCCESS: {number} rules" in run("promtool", "check", "config", str(metrics))
    loaded = yaml.safe_load(METRICS)
    assert loaded["alerting"]["alertmanagers"]
    applications, poolmedic = loaded["scrape_configs"]
    assert all("service" in group["labels"] for group in applications["static_configs"])
    assert poolmedic["job_name"] == "poolmedic"


def test_it_scrapes_as_often_as_a_clear_window_asks() -> None:
    clear, paces = ClearWindow(), yaml.safe_load(METRICS)["global"]
    for pace in paces["scrape_interval"], paces["evaluation_interval"]:
        assert int(pace.removesuffix("s")) <= clear.step.total_seconds()


def test_alertmanager_takes_its_file(alerts: Path) -> None:
    assert "SUCCESS" in run("amtool", "check-config", str(alerts))


@pytest.mark.parametrize(
    ("alert", "receiver"),
    [
        ("DatabaseConnectionPoolExhausted", "poolmedic"),
        ("DatabaseConnectionPoolUnacknowledged", "people"),
        ("PoolmedicDown", "people"),
    ],
)
def test_alerts_reach_whom_they_are_for(alerts: Path, alert: str, receiver: str) -> None:
    said = run("amtool", "config", "routes", "test", f"--config.file={alerts}", f"alertname={alert}")
    assert said.split()[0] == receiver


def test_it_is_what_the_local_stack_runs_with(tmp_path: Path) -> None:
    names = "group_wait", "group_interval", "poolmedic_group_interval", "poolmedic_repeat_interval"
    waits: dict[str, Any] = dict.fromkeys((*names, "poolmedic_group_wait"), "1s")
    rendered = templates.render(
        "alertmanager.yml.j2",
        tmp_path / "alertmanager.yml",
        poolmedic_url="http://127.0.0.1:8080/alerts",
        people_url="http://127.0.0.1:9/people",
        token_file="token",
        **waits,
    )
    tried, shown = yaml.safe_load(rendered.read_text()), yaml.safe_load(ALERTS)
    assert shown["inhibit_rules"] == tried["inhibit_rules"]
    assert shown["route"]["group_by"] == tried["route"]["group_by"]
    for part in "matchers", "group_by":
        assert shown["route"]["routes"][0][part] == tried["route"]["routes"][0][part]


def test_the_runbook_speaks_of_every_alert() -> None:
    groups = yaml.safe_load(templates.RULES.read_text())["groups"]
    for name in (rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule):
        assert f"`{name}`" in RUNBOOK or f"`{name.replace('DatabaseConnectionPool', '…')}`" in RUNBOOK


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr
