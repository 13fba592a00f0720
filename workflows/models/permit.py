"""What a database's ledger is asked before an act, what it answers, and what it knows."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, PositiveInt, model_validator

from workflows.models.base import Duration, Model, Moment
from workflows.models.policy import Approver, Option
from workflows.models.target import Name
from workflows.models.text import line

_MOST = 1_000_000
type Bounded = Annotated[Duration, Field(ge=timedelta(), le=timedelta(days=366))]
"""So that it can be added to a date."""


type Id = Annotated[str, Field(min_length=1, max_length=200)]
"""Of one attempt at one act; never used again."""


class PermitRequest(Model):
    """One act, before it is done. Asked again under the same `id`, it is answered the same."""

    database: Name
    target: Name
    id: Id
    option: Option
    lasts: Bounded
    """The lease: whoever holds a permit is done by then, or has died."""
    acts_per_hour: PositiveInt | None = None
    """On this target, whichever incident they belong to; None for an act that only takes one back."""
    cooldown: Bounded = timedelta()
    """Between two acts on this target."""
    own_cooldown: Bounded = timedelta()
    """Between two acts of this option on this target."""
    growth: Annotated[int, Field(ge=0, le=_MOST)] = 0
    """Connections beyond the configured ones that its pools may open from now on."""
    room: Annotated[int, Field(ge=-_MOST, le=_MOST)] = 0
    """Slots that the server has left once they are open, as far as the asker can count."""
    promised_for: Bounded = timedelta()
    """How long the growth is kept for the target."""

    @property
    def is_exclusive(self) -> bool:
        """Whether no other act may be under way. An index is created beside everybody's work, for long."""
        return self.option is not Option.INDEX


class PermitAnswer(Model):
    """Granted where nothing refuses and nobody paused."""

    refusal: str | None = None
    until: Moment | None = None
    """When it may be granted, where the refusal ends by itself."""
    paused: str | None = None
    """Who paused acts and why; then nothing is granted."""

    @property
    def is_granted(self) -> bool:
        """Whether the act may be done now."""
        return self.refusal is None and self.paused is None


class Release(Model):
    """The act is over."""

    id: Id
    has_changed: bool = True
    """Whether anything may have been touched; otherwise nothing is counted, and nothing promised."""


class Promised(Model):
    """How long a target's enlarged pools need their slots; None for no longer."""

    target: Name
    until: Moment | None = None


class Order(Model):
    """What a person says to pause acts, or to resume them: on one target, or on all of the database."""

    by: Approver
    why: Annotated[str, line(200)]
    target: Name | None = None

    @property
    def what(self) -> str:
        """Whom it concerns."""
        return "all targets of this database" if self.target is None else self.target

    @property
    def reason(self) -> str:
        """Somebody's text, which stays inside its quotes."""
        why = self.why.replace('"', "'")
        return f'"{why}"'


class Stop(Order):
    """Somebody wants no acts."""

    at: Moment

    @property
    def told(self) -> str:
        """One sentence."""
        return f'{self.what}, by "{self.by}" since {self.at:%Y-%m-%d %H:%M} UTC: {self.reason}'


class Given(Order):
    """An order that was heard, whether or not it changed anything."""

    at: Moment
    is_pause: bool
    """Otherwise acts were to be resumed."""

    @property
    def told(self) -> str:
        """One sentence."""
        done = "paused" if self.is_pause else "resumed"
        return f'{self.at:%Y-%m-%d %H:%M} UTC {done} {self.what}, by "{self.by}": {self.reason}'


class Permit(Model):
    """An act that is under way."""

    id: str
    target: Name
    option: Option
    until: Moment

    @property
    def told(self) -> str:
        """Whose act it is, and the end of its lease."""
        return f"{self.option} of {self.target}, until {self.until:%H:%M:%S} UTC at most"


class Done(Model):
    """An act that may have changed something."""

    id: str
    target: Name
    option: Option
    at: Moment


class Over(Model):
    """An act that was said to be over, perhaps before its permit was heard of."""

    id: str
    at: Moment


class Promise(Model):
    """Slots that are kept for a target whose pools were enlarged."""

    id: str
    target: Name
    slots: PositiveInt
    until: Moment


class Ledger(Model):
    """What is known of one database server's acts."""

    permits: tuple[Permit, ...] = ()
    """Of acts whose end nobody has told yet, the oldest first."""
    done: tuple[Done, ...] = ()
    """Of the last day, the oldest first."""
    promises: tuple[Promise, ...] = ()
    stops: tuple[Stop, ...] = ()
    orders: tuple[Given, ...] = ()
    """To pause and to resume: the last ten, the oldest first."""
    over: tuple[Over, ...] = ()
    """Of the last minutes, the oldest first."""

    @model_validator(mode="before")
    @classmethod
    def _read_single_permit(cls, value: object) -> object:
        """Runs that began with an earlier version knew the newest alone."""
        if isinstance(value, dict) and value.get("permit") and "permits" not in value:
            return {**value, "permits": [value["permit"]]}
        return value
