"""An alert as Alertmanager delivered it, resolved to a configured target."""

from enum import StrEnum

from workflows.models.base import Model, Moment
from workflows.models.policy import Policy
from workflows.models.target import Target


class AlertStatus(StrEnum):
    """Alertmanager's two words."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Model):
    """One alert of a webhook delivery. Labels and annotations are untrusted: only ever shown."""

    name: str
    status: AlertStatus
    fingerprint: str
    starts_at: Moment
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    received_at: Moment

    @property
    def delivery(self) -> str:
        """What makes two deliveries the same alert: fingerprint and start."""
        return f"{self.fingerprint}@{self.starts_at.isoformat()}"


class Case(Model):
    """The workflow's input: the target and the rules that hold, as they were when the alert came."""

    target: Target
    policy: Policy
    alert: Alert
    links: dict[str, str] = {}
    """Addresses people are given: the Temporal UI, the dashboard."""
