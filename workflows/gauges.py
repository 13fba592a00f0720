"""What Prometheus sees of an open incident, so that people are called past this tool when it does not get on.

Times and not flags: a worker that an incident has left goes on to show what it last knew of it.
"""

from temporalio import workflow
from temporalio.common import MetricMeter

from workflows.models.alert import Case
from workflows.record import Record

ACKNOWLEDGED = "poolmedic_incident_acknowledged_time_seconds"
UNACKNOWLEDGED = "poolmedic_incident_unacknowledged_time_seconds"


def measure(record: Record) -> None:
    """When it was last known that somebody, or nobody, has the incident in hand (Unix time)."""
    name = ACKNOWLEDGED if is_in_hand(record) else UNACKNOWLEDGED
    _meter(record.case).create_gauge_float(name).set(workflow.now().timestamp())


def is_in_hand(record: Record) -> bool:
    """Over once it has recovered: what fills the pool again has to be taken on anew."""
    return record.acknowledged_at is not None and record.recovered_at is None


def service_of(case: Case) -> str:
    """What the rules join it with the pool by: from the configuration, and from an alert only without."""
    target = case.target
    configured = target.matchers.get("service") or target.selector.get("service")
    return configured or case.alert.labels.get("service", "")


def _meter(case: Case) -> MetricMeter:
    labels = {"target": case.target.name, "service": service_of(case)}
    return workflow.metric_meter().with_additional_attributes(labels)
