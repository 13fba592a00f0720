"""What Prometheus sees of an open incident, so that people are called past this tool when it does not get on.

Times and not flags: a worker that an incident has left goes on to show what it last knew of it.
"""

from temporalio import workflow
from temporalio.common import MetricMeter

from workflows.record import Record

ACKNOWLEDGED = "poolmedic_incident_acknowledged_time_seconds"
UNACKNOWLEDGED = "poolmedic_incident_unacknowledged_time_seconds"


def measure(record: Record) -> None:
    """When it was last known that somebody, or nobody, has the incident in hand (Unix time)."""
    is_in_hand = record.acknowledged_at is not None and record.closed_at is None
    name = ACKNOWLEDGED if is_in_hand else UNACKNOWLEDGED
    _meter(record).create_gauge_float(name).set(workflow.now().timestamp())


def _meter(record: Record) -> MetricMeter:
    """`service` as the alert has it: by that the rules join it with the pool."""
    case = record.case
    labels = {"target": case.target.name, "service": case.alert.labels.get("service", "")}
    return workflow.metric_meter().with_additional_attributes(labels)
