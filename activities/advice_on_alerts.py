"""Alerts to people before a pool is exhausted: the runbook's 80 and 90 %, in this target's own series."""

from collections.abc import Iterator
from math import floor
from typing import Any

import yaml

from activities.advice_parts import Advice
from activities.profiles.profile import Profile
from workflows.models.diagnosis import Cause
from workflows.models.reading import value_of
from workflows.models.report import Report
from workflows.models.target import Target
from workflows.wording import percent

_WARNINGS = (
    ("DatabaseConnectionPoolHigh", 0.8, "2m", "warning"),
    ("DatabaseConnectionPoolNearlyExhausted", 0.9, "1m", "critical"),
)
"""Names, shares of the pool, times and severities of deploy/prometheus/rules.yml."""
_NOT_OURS = frozenset({"alertname", "severity", "instance"})
_FULL = _WARNINGS[-1][1]


def on_alerts(report: Report, profile: Profile | None) -> Iterator[Advice]:
    """Where a pool was full, and how it is measured is known."""
    pools = (
        {name: value_of(pool) for name, pool in report.evidence.pools().items()} if report.evidence else {}
    )
    full = [(name, pool) for name, pool in pools.items() if pool and pool.utilization >= _FULL]
    is_well = all(diagnosis.first.cause is Cause.HEALTHY for diagnosis in report.diagnoses)
    if report.case is None or profile is None or is_well or not full:
        return
    name, pool = full[0]
    firing = " and ".join(f"{_above(share, pool.size)}" for _name, share, *_ in _WARNINGS)
    yield Advice(
        "Alert people above 80 and 90 % of the pool, before it is exhausted",
        f"{name} had {pool.active} of {pool.size} connections checked out ({percent(pool.utilization)}) at "
        f"the first look, and these fire at {firing}. {_ours(report.case.target)}",
        pasted=alert_rules(report.case.target, profile),
    )


def _above(share: float, size: int) -> int:
    """The fewest connections that are more than this share."""
    return floor(round(share * size, 6)) + 1


def _ours(target: Target) -> str:
    """poolmedic cannot see which rules Prometheus has loaded, nor in whose names."""
    names = " and ".join(name for name, *_ in _WARNINGS)
    same = f"{names} of deploy/prometheus/rules.yml are the same, once its first five rules have the names of"
    return f"{same} the profile {target.profile}: paste these only where Prometheus does not have them"


def alert_rules(target: Target, profile: Profile) -> str:
    """A whole file of rules for Prometheus; text of the configuration is in it as quoted values alone."""
    rules = [
        {
            "alert": name,
            "expr": f"{_utilization(target, profile)} > {share:.2f}",
            "for": lasts,
            "labels": _labels(target) | {"severity": severity},
            "annotations": {
                "summary": f"{target.name}: {{{{ $value | humanizePercentage }}}} of the connection pool is "
                "in use",
                "description": f"Instance {{{{ $labels.{profile.instance_label} }}}} uses more than "
                f"{share:.0%} of its pool.",
            },
        }
        for name, share, lasts, severity in _WARNINGS
    ]
    file: dict[str, Any] = {"groups": [{"name": f"{target.name}-connection-pool", "rules": rules}]}
    return yaml.safe_dump(file, sort_keys=False, width=1_000).rstrip("\n")


def _labels(target: Target) -> dict[str, str]:
    """Those by which the target is known, as far as an alert has them from its rule."""
    return {name: value for name, value in target.matchers.items() if name not in _NOT_OURS}


def _utilization(target: Target, profile: Profile) -> str:
    """Per instance: a sum over all would hide a full one."""
    active, size = (_per_instance(target, profile, meaning) for meaning in ("active", "size"))
    return f"{active} / ({size} > 0)"


def _per_instance(target: Target, profile: Profile, meaning: str) -> str:
    series = profile.series.listed()[meaning]
    way = "sum" if len(series.names) > 1 else "max"
    return f"{way} by ({profile.instance_label}) ({series.selector(target.selector)})"
