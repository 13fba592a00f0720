"""What a newcomer copies is valid, and what an editor checks by is current."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.configurations import PROFILES
from worker.config_file import read_configuration
from worker.config_schema import schema
from worker.errors import ConfigurationRefused

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "examples" / "poolmedic.yaml"
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
SCHEMA = ROOT / "docs" / "configuration.schema.json"


def test_the_example_is_valid() -> None:
    configuration = read_configuration(
        EXAMPLE.read_text(), EXAMPLE.name, profiles=PROFILES, with_secrets=False
    )
    assert configuration.policies["careful"].approval.approvers == ("ada", "grace")


def test_the_example_s_secrets_are_asked_for() -> None:
    with pytest.raises(ConfigurationRefused) as refusal:
        read_configuration(EXAMPLE.read_text(), EXAMPLE.name, profiles=PROFILES, with_secrets=True)
    assert {fault.path for fault in refusal.value.faults} == {
        "routes.oncall[0]",
        "routes.database-team[0]",
        "routes.engineering-lead[0]",
        "targets[0].database.dsn",
    }


def test_the_example_s_matchers_ask_only_for_labels_that_the_rules_keep() -> None:
    configuration = read_configuration(
        EXAMPLE.read_text(), EXAMPLE.name, profiles=PROFILES, with_secrets=False
    )
    asked = {label for target in configuration.targets for label in target.matchers}
    for name in configuration.alerts:
        assert asked <= _labels_kept(name)


def _labels_kept(alert: str) -> set[str]:
    """Of an alert over recorded series: what all of their aggregations keep, and what the rule adds."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    (rule,) = (rule for rule in rules if rule.get("alert") == alert)
    recorded = _recorded_in(rule["expr"], rules)
    kept = [
        set(re.findall(r"\w+", labels)) for expr in recorded for labels in re.findall(r"by \((.*?)\)", expr)
    ]
    return set.intersection(*kept) | set(rule["labels"]) | {"alertname"}


def _recorded_in(expr: str, rules: list[dict[str, Any]]) -> list[str]:
    """Expressions of all rules that it is made of, whether directly or not."""
    direct = [other["expr"] for other in rules if other.get("record", "\0") in expr]
    return direct + [deeper for each in direct for deeper in _recorded_in(each, rules)]


def test_the_published_schema_is_current() -> None:
    """Write it anew with `poolmedic check --schema > docs/configuration.schema.json`."""
    assert json.loads(SCHEMA.read_text()) == schema()


def test_the_schema_is_as_strict_as_the_reading() -> None:
    parts: list[dict[str, Any]] = [schema(), *schema()["$defs"].values()]
    models = [part for part in parts if "properties" in part]
    assert len(models) > 10
    assert all(part["additionalProperties"] is False for part in models)
    duration = schema()["$defs"]["Duration"]["pattern"]
    assert re.fullmatch(duration, "1h30m")
    assert not re.fullmatch(duration, "15 minutes")
