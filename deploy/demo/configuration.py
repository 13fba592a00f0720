"""What the worker of a drill is told: its configuration file, and its environment with the secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jinja2

from deploy.demo.scenario import Scenario
from deploy.demo.times import Times
from deploy.local.ports import LOOPBACK
from deploy.local.stack import WORKER, Stack
from deploy.local.target import POOL_FILE
from workflows.models.page import Level

TEMPLATE = Path(__file__).with_name("poolmedic.yaml.j2")
APPROVER = "dba-on-call"
SECRETS = {Level.L1: "ROUTE_ONCALL", Level.L2: "ROUTE_DATABASE_TEAM", Level.L3: "ROUTE_LEAD"}
PATHS = {Level.L1: "oncall", Level.L2: "database-team", Level.L3: "lead"}
"""Where the receiver gets what a level of people is told."""


def write_configuration(stack: Stack, scenario: Scenario, times: Times, to: Path) -> Path:
    """Fill the template for this stack; raises jinja2.UndefinedError if a value is missing."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701  YAML, not HTML: strings go through tojson
    )
    to.write_text(environment.from_string(TEMPLATE.read_text()).render(_values(stack, scenario, times)))
    return to


def _values(stack: Stack, scenario: Scenario, times: Times) -> dict[str, object]:
    settings = stack.postgres.settings
    return {
        "scenario": scenario,
        "times": times,
        "prometheus": stack.prometheus.url,
        "alertmanager": stack.alertmanager.url,
        "ui": stack.temporal.ui,
        "approvers": [APPROVER],
        "service": stack.settings.target.service,
        "pool_file": POOL_FILE,
        "database": {"name": settings.database, "role": settings.application_role},
        "instances": [
            {"name": each.application.instance, "url": each.url, "container": each.container.name}
            for each in stack.targets
        ],
    }


def describe_environment(stack: Stack, configuration: Path, reports: Path) -> Mapping[str, str]:
    """The environment of `poolmedic run`; it holds secrets, so it goes to a process and never to a log."""
    return {
        "TEMPORAL_ADDRESS": stack.temporal.address,
        "POOLMEDIC_CONFIG": str(configuration),
        "POOLMEDIC_HOST": LOOPBACK,
        "POOLMEDIC_PORT": str(stack.state.port(WORKER)),
        "POOLMEDIC_WEBHOOK_TOKENS_FILE": str(stack.webhook_token_file),
        "POOLMEDIC_PUBLIC_URL": f"http://{LOOPBACK}:{stack.state.port(WORKER)}",
        "POOLMEDIC_LINK_KEYS": stack.state.secret("link-key"),
        "POOLMEDIC_READ_TOKENS_FILE": str(stack.read_token_file),
        "POOLMEDIC_DOCKER_HOST": stack.engine.address,
        "POOLMEDIC_REPORTS": str(reports),
        "POOLMEDIC_GRACEFUL_SECONDS": "2",
        "COVETPY_DSN": stack.postgres.medic_dsn,
        "COVETPY_INDEX_DSN": stack.postgres.index_dsn,
        **{SECRETS[level]: stack.receiver.apprise_url(path) for level, path in PATHS.items()},
    }
