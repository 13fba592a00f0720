"""A temporary change: what is reverted, to what, and when."""

from enum import StrEnum

from workflows.models.alert import Case
from workflows.models.base import Model, Moment
from workflows.models.plan import Resize
from workflows.models.text import Name, Sentence


class Doubt(Model):
    """An act that failed or was lost: it may have changed nothing."""

    until: Moment
    """When it is over at the latest, and can be looked at."""
    is_told: bool
    """Whether the act itself said of everything it addressed that it is as it was."""


class Wish(StrEnum):
    """What a person may want of a temporary size."""

    KEEP = "keep"
    """For good."""
    EXTEND = "extend"
    """For the same time again."""
    END = "end"
    """Now."""


class Said(Model):
    """What a person said, and whether it counts."""

    wish: Wish
    by: Name
    """Claimed by whoever said it."""
    at: Moment
    accepted: bool
    message: Sentence
    is_final: bool = True
    """False where it counts, and waits for another person's."""


class Change(Model):
    """The input of the workflow that reverts: started before the change is applied."""

    case: Case
    act: Resize
    until: Moment
    told: tuple[str, ...] = ()
    """What people know of it from the runs before this one."""
    doubt: Doubt | None = None
    """What those have not found out yet."""
    said: tuple[Said, ...] = ()
    """What people said to them."""


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
    said: tuple[Said, ...] = ()
    """What people said meanwhile, counted or not."""
