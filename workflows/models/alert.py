"""An alert as Alertmanager delivered it, resolved to a configured target."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from workflows.models.base import Model, Moment
from workflows.models.neighbour import Neighbour
from workflows.models.policy import Policy
from workflows.models.target import Target
from workflows.models.text import Labels, Name, line

OLDEST = timedelta(days=30)


class AlertStatus(StrEnum):
    """Alertmanager's two words."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Model):
    """One alert of a webhook delivery. Its texts are untrusted: bounded, and only ever shown."""

    name: Name
    status: AlertStatus
    fingerprint: Annotated[str, line(128)]
    starts_at: Moment
    labels: Labels = {}
    annotations: Labels = {}
    received_at: Moment
    is_whole: bool = False
    """Whether its labels are known to be as they were sent: none was cleaned, cut or left out."""

    @property
    def delivery(self) -> str:
        """What makes two deliveries the same alert: fingerprint and start."""
        return f"{self.fingerprint}@{self.starts_at.isoformat()}"

    def is_start_credible(self, arrived_at: Moment) -> bool:
        """Before it arrived, and not ages ago: Go's zero time is in the year 1."""
        return timedelta() <= arrived_at - self.starts_at <= OLDEST


class AlertIdentity(Model):
    """Which alert it is, for whoever compares labels: a silence may be for it."""

    name: str
    fingerprint: str = ""
    """Alertmanager's own, of the labels before they were bounded; empty where it is not known."""
    labels: dict[str, str] = {}
    """As the incident knows them: perhaps cut, or left out."""
    is_whole: bool = False
    """Whether the labels are known to be all, and as they were sent."""


class Case(Model):
    """The workflow's input: the target and the rules that hold, as they were when the alert came."""

    target: Target
    policy: Policy
    alert: Alert
    links: dict[str, str] = {}
    """Addresses people are given: the Temporal UI, the dashboard."""
    neighbours: tuple[Neighbour, ...] = ()
    """The other targets of the same database server."""
