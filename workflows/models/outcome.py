"""An outcome: what an act really touched, told by the system it acted on."""

from enum import StrEnum

from workflows.models.base import Model, Moment
from workflows.models.plan import Proposal
from workflows.models.text import Sentence


class OutcomeStatus(StrEnum):
    """How an act ended."""

    DONE = "done"
    PARTLY = "partly"
    NOTHING = "nothing"
    """Its precondition no longer held inside the act, or it ended before it began: all is as it was."""
    FAILED = "failed"
    REFUSED = "refused"
    """A person said no, or a guard did: nothing was touched."""
    DENIED = "denied"
    """The database's ledger did not permit it, or could not be asked: nothing was touched."""
    UNKNOWN = "unknown"
    """The attempt was lost with its worker, or cut short: only a new look can tell."""


class Touched(Model):
    """One thing an act addressed: what it is, what became of it."""

    what: Sentence
    changed: bool
    result: Sentence


class Outcome(Model):
    """The result of one act."""

    status: OutcomeStatus
    touched: tuple[Touched, ...] = ()
    detail: Sentence = ""
    until: Moment | None = None
    """Of one that was denied: when it may be done, where that is a matter of time."""
    restarted_at: Moment | None = None
    """Of a restart: the container's new start, by its engine; None where it is not known to have one."""


class Attempt(Model):
    """One act of this incident: what was proposed, who decided, what came of it, did it help."""

    proposal: Proposal
    decided_by: str
    at: Moment
    outcome: Outcome
    helped: bool | None = None
    """By the look after it; None until then, or when it could not be told."""
