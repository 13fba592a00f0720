"""Whether an alert fires: only a working rule may say that it does not."""

from datetime import UTC, datetime

import pytest

from activities.alert_state import firing_query, judge
from activities.missing import Missing
from activities.prometheus_api import Raised, Rule, Series
from activities.series import Sample
from tests.fakes import cases
from workflows.errors import PoolmedicError, SourceUnavailable
from workflows.models.reading import Known

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAME = cases.ALERT
TARGET = cases.target(selector={"job": "orders-job"})
QUIET = Rule.model_validate({"name": NAME, "health": "ok", "lastEvaluation": AT})
SILENT = SourceUnavailable("Prometheus did not answer")


def stored(**labels: str) -> Series:
    return Series({"alertname": NAME, "alertstate": "firing", **labels}, [Sample(0, AT.timestamp())])


def rule(*states: str, health: str = "ok", at: datetime = AT, **labels: str) -> Rule:
    told = {"alertname": NAME, **labels}
    raised = [Raised(labels=told, state=state) for state in states]
    fields = {"name": NAME, "alerts": raised, "health": health, "lastEvaluation": at}
    return Rule.model_validate(fields)


def test_the_query_names_the_alert_as_a_value() -> None:
    assert firing_query('a"b') == r'timestamp(ALERTS{alertname="a\"b",alertstate="firing"})'


@pytest.mark.parametrize(
    ("firing", "rules"),
    [
        ((stored(service="orders"),), ()),
        ((stored(service="orders"),), SILENT),
        ((stored(service="orders", job="orders-job", instance="x"),), (QUIET,)),
        ((stored(),), (QUIET,)),
        ((), (rule("firing", service="orders"),)),
        (SILENT, (rule("pending", "firing", service="orders"),)),
    ],
)
def test_either_source_is_enough_to_say_that_it_fires(
    firing: tuple[Series, ...] | PoolmedicError, rules: tuple[Rule, ...] | PoolmedicError
) -> None:
    assert judge(NAME, TARGET, firing, rules) == Known[bool](value=True, at=AT)


@pytest.mark.parametrize(
    ("firing", "rules"),
    [
        ((), (QUIET,)),
        ((), (rule("pending", service="orders"),)),
        ((stored(service="billing"),), (rule("firing", service="billing"),)),
        ((stored(service="orders", job="another"),), (QUIET,)),
    ],
)
def test_a_working_rule_may_say_that_it_does_not(firing: tuple[Series, ...], rules: tuple[Rule, ...]) -> None:
    assert judge(NAME, TARGET, firing, rules) == Known[bool](value=False, at=AT)


@pytest.mark.parametrize(
    ("firing", "rules"),
    [
        ((), ()),
        ((), SILENT),
        (SILENT, (QUIET,)),
        ((), (rule(health="err"),)),
        ((), (rule(health="unknown"),)),
        ((), (rule(at=datetime(1, 1, 1, tzinfo=UTC)),)),
        ((), (QUIET, rule(health="err"))),
    ],
)
def test_nobody_else_may(
    firing: tuple[Series, ...] | PoolmedicError, rules: tuple[Rule, ...] | PoolmedicError
) -> None:
    with pytest.raises(Missing):
        judge(NAME, TARGET, firing, rules)
