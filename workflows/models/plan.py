"""A plan: the next step only, with everything that identifies what it would touch."""

from typing import Annotated, Literal

from pydantic import Field

from workflows.models.base import Duration, Model, Moment
from workflows.models.diagnosis import Cause
from workflows.models.policy import Option, Permission
from workflows.models.session import SessionIdentity, StatementIdentity


class Termination(Model):
    """End exactly these sessions, each by its full identity."""

    option: Literal[Option.TERMINATE] = Option.TERMINATE
    sessions: tuple[SessionIdentity, ...]
    rest: tuple[SessionIdentity, ...] = ()
    """Leaked as well, and left for the next wave."""


class Cancellation(Model):
    """Cancel exactly these statements, each while it still runs; their sessions stay."""

    option: Literal[Option.CANCEL] = Option.CANCEL
    statements: tuple[StatementIdentity, ...]


class Restart(Model):
    """Restart this very container, unless it was started anew since it was looked at."""

    option: Literal[Option.RESTART] = Option.RESTART
    instance: str
    container: str
    container_id: str
    started_at: Moment


class Resize(Model):
    """Give each instance's pool another maximum, for a time."""

    option: Literal[Option.RESIZE] = Option.RESIZE
    sizes: dict[str, int]
    """New maximum per instance."""
    baseline: dict[str, int]
    """What the configuration says, and what is reverted to."""
    lasts: Duration


type Act = Annotated[Termination | Cancellation | Restart | Resize, Field(discriminator="option")]


class LookAgain(Model):
    """Nothing to do yet: look again after a while."""

    kind: Literal["look-again"] = "look-again"
    after: Duration
    why: str


class HandOver(Model):
    """Nothing the tool may or can do: people decide. Pages level 2."""

    kind: Literal["hand-over"] = "hand-over"
    reason: str


class Healthy(Model):
    """The pool is not exhausted any more: verify it."""

    kind: Literal["healthy"] = "healthy"
    why: str


class Proposal(Model):
    """One act, why, what exactly it changes, what it risks, and whether a person must approve."""

    kind: Literal["act"] = "act"
    act: Act
    cause: Cause
    why: str
    effect: str
    risk: str
    permission: Permission


type Step = Annotated[Proposal | LookAgain | HandOver | Healthy, Field(discriminator="kind")]


class Plan(Model):
    """The next step, and the options that were left out, with the reason."""

    step: Step
    left_out: tuple[str, ...] = ()
