"""Whether an alert fires, as Prometheus itself evaluates it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from activities.missing import Missing, moment
from activities.prometheus_api import Rule
from activities.promql import select
from activities.scraped import Asked, answered
from workflows.errors import PoolmedicError
from workflows.models.reading import Known
from workflows.models.target import Target

FIRING = "firing"


def firing_query(alert_name: str) -> str:
    """PromQL for every firing alert of that name; the value is when its rule was last evaluated."""
    return f"timestamp({select('ALERTS', {'alertname': alert_name, 'alertstate': FIRING})})"


def judge(
    alert_name: str, target: Target, firing: Asked, rules: tuple[Rule, ...] | PoolmedicError
) -> Known[bool]:
    """Missing when there is no such rule, or it fails: then silence does not mean that nothing is wrong.

    The stored series also tells of rules that another Prometheus evaluates; the rule itself knows first.
    """
    wanted = target.matchers | target.selector | {"alertname": alert_name}
    seen = [*_stored(firing, wanted), *([] if isinstance(rules, PoolmedicError) else _raised(rules, wanted))]
    if seen:
        return Known(value=True, at=max(seen))
    answered(firing)
    if isinstance(rules, PoolmedicError):
        raise Missing(rules.message)
    working = [rule.evaluated_at for rule in rules if rule.works]
    if not rules or len(working) < len(rules):
        raise Missing(f"Prometheus has no working rule {alert_name}")
    return Known(value=False, at=min(working))


def _stored(firing: Asked, wanted: Mapping[str, str]) -> Iterator[datetime]:
    for series in () if isinstance(firing, PoolmedicError) else firing:
        if not contradicts(series.labels, wanted):
            yield moment(series.samples[-1].value)


def _raised(rules: tuple[Rule, ...], wanted: Mapping[str, str]) -> Iterator[datetime]:
    for rule in rules:
        alerts = [alert for alert in rule.alerts if alert.state == FIRING]
        if any(not contradicts(alert.labels, wanted) for alert in alerts):
            yield rule.evaluated_at


def contradicts(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a label that both have differs.

    A rule may aggregate labels away, so an alert is the target's unless one of its labels says otherwise.
    """
    return any(labels[name] != value for name, value in wanted.items() if name in labels)
