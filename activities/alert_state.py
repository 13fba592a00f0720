"""Whether an alert fires, as Prometheus itself evaluates it."""

from collections.abc import Mapping

from activities.missing import Missing, moment
from activities.prometheus_api import Rule
from activities.promql import select
from activities.scraped import Asked, answered
from workflows.errors import PoolmedicError
from workflows.models.reading import Known
from workflows.models.target import Target


def firing_query(alert_name: str) -> str:
    """PromQL for every firing alert of that name; the value is when its rule was last evaluated."""
    return f"timestamp({select('ALERTS', {'alertname': alert_name, 'alertstate': 'firing'})})"


def judge(
    alert_name: str, target: Target, firing: Asked, rules: tuple[Rule, ...] | PoolmedicError
) -> Known[bool]:
    """Missing when there is no such rule, or it fails: then silence does not mean that nothing is wrong.

    A rule may aggregate labels away, so an alert is this target's unless one of its labels says otherwise.
    """
    wanted = target.matchers | target.selector | {"alertname": alert_name}
    ours = [series for series in answered(firing) if not contradicts(series.labels, wanted)]
    if ours:
        return Known(value=True, at=moment(max(series.samples[-1].value for series in ours)))
    if isinstance(rules, PoolmedicError):
        raise Missing(rules.message)
    working = [rule.evaluated_at for rule in rules if rule.works]
    if not rules or len(working) < len(rules):
        raise Missing(f"Prometheus has no working rule {alert_name}")
    return Known(value=False, at=min(working))


def contradicts(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a label that both have differs."""
    return any(labels[name] != value for name, value in wanted.items() if name in labels)
