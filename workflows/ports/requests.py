"""What the workflow hands to an activity: one frozen model per call."""

from datetime import timedelta

from workflows.models.alert import AlertIdentity
from workflows.models.base import Duration, Model, Moment
from workflows.models.plan import Cancellation, IndexCreation, Resize, Restart, SessionTimeout, Termination
from workflows.models.policy import Limits, Policy
from workflows.models.report import Report
from workflows.models.target import Target


class Look(Model):
    """Read this target under these thresholds."""

    target: Target
    policy: Policy
    alert_name: str
    alerts: tuple[AlertIdentity, ...] = ()
    """Those of the incident, where silences are asked for; none where there is no incident."""
    settle: Duration = timedelta()
    """Wait this long before asking the application: what was just done to it shows only then."""
    patience: Duration = timedelta()
    """Then ask again until the pool is free, for this long at most: a pool may need time to notice."""
    hints: bool = False
    """Ask the application for what only people use as well: who has connections for longest, and its slowest
    queries."""


class WindowLook(Model):
    """Read the clear window of this target, from the fix until now."""

    target: Target
    since: Moment
    until: Moment
    step: Duration
    alert_name: str = ""


class TerminateRequest(Model):
    """End these sessions of this target, each only if it is still exactly as identified."""

    target: Target
    act: Termination
    limits: Limits | None = None
    """Checked once more against the sessions the server has then; None leaves it to the workflow's guard."""
    guard: Look | None = None
    """For silences and maintenance, which are asked once more; None leaves them to the workflow's guards."""


class CancelRequest(Model):
    """Cancel these statements, each only while it is still exactly the one that was seen."""

    target: Target
    act: Cancellation
    limits: Limits | None = None
    """As for a `TerminateRequest`."""
    guard: Look | None = None
    """As for a `TerminateRequest`."""


class TimeoutRequest(Model):
    """Set this timeout unless something else was set meanwhile, then end these sessions of this target."""

    target: Target
    act: SessionTimeout
    limits: Limits | None = None
    """As for a `TerminateRequest`."""
    guard: Look | None = None
    """As for a `TerminateRequest`."""


class RestartRequest(Model):
    """Restart this container of this target, and wait until its health page answers."""

    target: Target
    act: Restart
    limits: Limits | None = None
    """For the permit: how often, and how far apart."""
    guard: Look | None = None
    """As for a `TerminateRequest`; by its policy the pool is looked at once more as well."""


class ResizeRequest(Model):
    """Give each instance its new maximum: write the file, signal, check generation and effective size."""

    target: Target
    act: Resize
    limits: Limits | None = None
    """As for a `RestartRequest`; None where it only takes a temporary size back."""
    guard: Look | None = None
    """As for a `RestartRequest`; None where it only takes a temporary size back."""
    room: int = 0
    """Slots that the server has left once the pools of these sizes are full, by the look before the act."""


class QueryLook(Model):
    """Read what the server knows of one query shape of this target."""

    target: Target
    query_id: int
    age: Duration = timedelta()
    """Of the calls under way, count those that began so long ago at least."""


class CreateIndexRequest(Model):
    """Create this index on a table of this target, unless somebody would have to be waited for."""

    target: Target
    act: IndexCreation
    limits: Limits | None = None
    """As for a `RestartRequest`."""
    guard: Look | None = None
    """As for a `TerminateRequest`."""


class StoreRequest(Model):
    """Store the report in every format; the same run's later report replaces the earlier one."""

    report: Report


class Stored(Model):
    """Where the report lies: the address people are given."""

    url: str


type ActRequest = (
    TerminateRequest | CancelRequest | TimeoutRequest | RestartRequest | ResizeRequest | CreateIndexRequest
)
"""Whatever changes something."""
