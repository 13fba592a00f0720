"""A temporary change: what is reverted, to what, and when."""

from enum import StrEnum

from workflows.models.alert import Case
from workflows.models.base import Model, Moment
from workflows.models.plan import Resize


class Doubt(Model):
    """An act that failed or was lost: it may have changed nothing."""

    until: Moment
    """When it is over at the latest, and can be looked at."""
    is_told: bool
    """Whether the act itself said of everything it addressed that it is as it was."""


class Change(Model):
    """The input of the workflow that reverts: started before the change is applied."""

    case: Case
    act: Resize
    until: Moment
    told: tuple[str, ...] = ()
    """What people know of it from the runs before this one."""
    doubt: Doubt | None = None
    """What those have not found out yet."""


class ChangeEnding(StrEnum):
    """How a temporary change ended."""

    REVERTED = "reverted"
    KEPT = "kept"
    GONE = "gone"
    """Not, or no longer, in force when its time was over: nothing to revert."""


class ChangeSummary(Model):
    """What the workflow returns."""

    ending: ChangeEnding
    by: str
    detail: str
