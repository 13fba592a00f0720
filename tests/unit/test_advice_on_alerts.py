"""Alerts to people at 80 and 90 %, which a report gives where a pool was full."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.advice_on_alerts import alert_rules
from activities.profiles.library import built_in
from activities.report_text import render
from tests.unit import incidents, scenes
from tests.unit.markup import PARSER, section
from workflows.models.diagnosis import Cause
from workflows.models.target import Target

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules.yml"
NAMES = ("DatabaseConnectionPoolHigh", "DatabaseConnectionPoolNearlyExhausted")


def rules_of(text: str) -> dict[str, Any]:
    """The alerts of a file of rules, by name."""
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def rules(target: Target) -> dict[str, Any]:
    return rules_of(alert_rules(target, built_in()[target.profile]))


def test_they_are_the_rules_that_come_along_for_one_target() -> None:
    ours, those = rules(scenes.target()), rules_of(RULES.read_text())
    assert tuple(ours) == NAMES
    for name in NAMES:
        assert ours[name]["for"] == those[name]["for"]
        assert ours[name]["labels"]["severity"] == those[name]["labels"]["severity"]
        limit = ours[name]["expr"].rpartition(" > ")[2]
        assert those[name]["expr"].endswith(f"> {limit}")


def test_they_ask_for_the_series_of_the_target_s_own_profile() -> None:
    pooled = scenes.target(profile="pgbouncer", selector={"database": "shop", "user": 'o"\\'})
    high = rules(pooled)["DatabaseConnectionPoolHigh"]
    assert high["expr"] == (
        'max by (instance) (pgbouncer_pools_server_active_connections{database="shop",user="o\\"\\\\"}) / '
        '(max by (instance) (pgbouncer_databases_pool_size{name="shop"}) > 0) > 0.80'
    )


def test_what_a_profile_adds_up_is_added_up() -> None:
    profile = built_in()["pgbouncer"]
    idle = profile.series.idle
    summed = profile.model_copy(update={"series": profile.series.model_copy(update={"active": idle})})
    text = alert_rules(scenes.target(profile="pgbouncer"), summed)
    assert "sum by (instance) ({__name__=~" in text


def test_they_have_the_labels_by_which_the_target_is_known() -> None:
    known = scenes.target(matchers={"service": "shop", "zone": "a", "alertname": "X", "severity": "page"})
    labels = rules(known)["DatabaseConnectionPoolHigh"]["labels"]
    assert labels == {"service": "shop", "zone": "a", "severity": "warning"}


def test_a_report_gives_them_where_a_pool_was_full() -> None:
    text = render(incidents.report())
    advice = section(text, "What to change for good")
    assert "Alert people above 80 and 90 % of the pool, before it is exhausted" in advice
    assert "web-1 had 20 of 20 connections checked out (100.0 %) at the first look" in advice
    assert "these fire at 17 and 19" in advice
    assert "of deploy/prometheus/rules.yml are the same, once its first five rules" in advice
    pasted = next(token.content for token in PARSER.parse(text) if token.type == "fence")
    assert rules_of(pasted) == rules(scenes.target())


def test_of_another_kind_the_rules_that_come_along_need_its_names() -> None:
    case = incidents.report().case
    assert case is not None
    hikari = case.model_copy(update={"target": scenes.target(profile="hikaricp")})
    text = render(incidents.report(case=hikari))
    assert "once its first five rules have the names of the profile hikaricp" in text
    assert "hikaricp_connections_active" in text


def test_a_profile_of_somebody_s_own_is_asked_for_its_names() -> None:
    case = incidents.report().case
    assert case is not None
    own = incidents.report(case=case.model_copy(update={"target": scenes.target(profile="shop")}))
    assert "Alert people above" not in render(own)
    assert "Alert people above" in render(own, {"shop": built_in()["sqlalchemy"]})


@pytest.mark.parametrize(
    "changes",
    [
        {"evidence": None},
        {
            "evidence": scenes.evidence(
                metrics=scenes.metrics(scenes.scraped(scenes.pool(12))),
                application=scenes.application(scenes.page(scenes.pool(12))),
            )
        },
        {"diagnoses": (incidents.diagnosis(Cause.HEALTHY, sessions=0),)},
        {"case": None},
    ],
    ids=["nothing was read", "no pool was full", "nothing was found", "no target"],
)
def test_else_a_report_does_not(changes: dict[str, Any]) -> None:
    assert "Alert people above" not in render(incidents.report(**changes))
