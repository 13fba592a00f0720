"""A policy: which options run alone, which need approval, which never; thresholds, limits and times."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from workflows.models.approval import PIPELINE
from workflows.models.base import Duration, Model
from workflows.models.maintenance import Window
from workflows.models.text import ExactName

SHORTEST_WAIT = timedelta(seconds=1)


def _lasts(wait: timedelta) -> timedelta:
    if wait < SHORTEST_WAIT:
        raise ValueError("should be at least 1s")
    return wait


def _person(name: str) -> str:
    if name.casefold() == PIPELINE:
        raise ValueError(f"{name} is what this program calls itself; name a person")
    return name


type Approver = Annotated[ExactName, AfterValidator(_person)]
type Share = Annotated[float, Field(ge=0, le=1)]
type Rest = Annotated[Duration, Field(ge=timedelta(), le=timedelta(days=1))]
"""No longer than the ledger of a database remembers its acts."""
type Wait = Annotated[Duration, AfterValidator(_lasts)]


class Mode(StrEnum):
    """How far the tool may go by itself."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


class Option(StrEnum):
    """What the runbook's resolution steps can do to a target."""

    TERMINATE = "terminate"
    CANCEL = "cancel"
    RESTART = "restart"
    RESIZE = "resize"
    SESSION_TIMEOUT = "session-timeout"
    INDEX = "index"


class Permission(StrEnum):
    """What the policy says about one option."""

    ALONE = "alone"
    APPROVAL = "approval"
    NEVER = "never"


class Clocks(Model):
    """The SLA of the runbook, from the alert's own start."""

    acknowledge: Wait = timedelta(minutes=5)
    resolve: Wait = timedelta(minutes=15)
    leadership: Wait = timedelta(minutes=30)

    @model_validator(mode="after")
    def _check_order(self) -> "Clocks":
        if not self.acknowledge <= self.resolve <= self.leadership:
            raise ValueError(
                "clocks run out in the order acknowledge, resolve, leadership; "
                "give each at least the time of the one before"
            )
        return self


class Thresholds(Model):
    """When a reading is a symptom, and when a symptom is a cause."""

    exhausted: Share = 0.95
    """Utilization above which an instance's pool is exhausted (runbook: symptoms)."""
    leak_age: Duration = timedelta(seconds=30)
    """Idle in transaction at least this long, and three hold times, before it is a leak.

    The hold time is the usual one or that of now, whichever is longer.
    """
    leak_age_without_usual: Duration = timedelta(minutes=5)
    """The same where the usual hold time is not known (runbook, option 2)."""
    leak_age_alone: Duration | None = None
    """Idle in transaction at least this long before it is ended without a person, where the application does
    not tell how many requests are under way: a partner that hangs makes honest requests look the same.

    None leaves it at `leak_age`, as in incidents that began before this field; the configuration fills in
    the runbook's 5 minutes."""
    leak_hold_factor: Annotated[float, Field(ge=1)] = 3.0
    leak_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Share of the connections checked out that must be held so before they are called a leak."""
    suspect_age: Duration = timedelta(seconds=2)
    """Idle in transaction at least this long, and three usual hold times, before it is worth another look."""
    idle_leak_age: Duration = timedelta(seconds=60)
    """Plain idle at least this long, and three hold times, before a connection checked out is forgotten.

    Where the usual hold time is not known, `leak_age_without_usual` if that is longer.
    """
    hold_age: Duration = timedelta(milliseconds=250)
    """Idle in transaction at least this long, and `hold_factor` times the usual hold time, before its
    request is said to wait for something else than the database."""
    hold_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the connections checked out that must be held so before it is called a hold."""
    slow_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the active sessions, and of the connections checked out, that one query must have before it
    is called slow."""
    slow_factor: Annotated[float, Field(gt=1)] = 10.0
    """How many times its usual time a query has to run before it is called slow."""
    slow_age: Wait = timedelta(seconds=1)
    """It has to run at least this long as well, however short its usual time is."""
    full_for: Duration = timedelta(minutes=5)
    """Full at least this long at usual traffic before the pool is called undersized."""
    spike_factor: Annotated[float, Field(gt=1)] = 2.0
    """Traffic above this many times the usual is a spike."""
    hold_factor: Annotated[float, Field(gt=1)] = 2.0
    """Hold times above this many times the usual are not the usual ones."""
    fresh_for: Duration = timedelta(minutes=1)
    """A reading older than this says nothing about now."""


class ClearWindow(Model):
    """The runbook's success criteria, over one uninterrupted window."""

    length: Wait = timedelta(minutes=5)
    step: Wait = timedelta(seconds=15)
    utilization: Share = 0.70
    wait_p95: Duration = timedelta(milliseconds=100)
    demand: Share = 0.5
    """Share of the usual traffic below which a quiet pool proves nothing."""
    samples: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of the expected samples (one per step) below which too little was seen."""
    gap_steps: Annotated[float, Field(gt=1)] = 3.0
    """A hole of more steps than this hides what happened in it."""

    @model_validator(mode="after")
    def _steps_fit(self) -> "ClearWindow":
        if self.step > self.length:
            raise ValueError("step: is longer than the window's length; make it a small part of it")
        return self


class Limits(Model):
    """How much, how often, how far."""

    sessions_per_act: PositiveInt = 10
    """The wave: sessions ended by one act before the next look."""
    share_of_sessions: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the application's sessions that one act may end."""
    acts_per_hour: PositiveInt = 6
    attempts_per_option: PositiveInt = 3
    cooldown: Duration = timedelta(seconds=0)
    """Pause between two disruptive acts."""
    cooldowns: dict[Option, Rest] = {}
    """Pause between two acts of one option on the target; `cooldown` holds beside it, the longer one wins."""
    resize_factor: Annotated[float, Field(gt=1)] = 2.0
    """A resize asks for at most this many times the configured size, if the server has the slots."""
    resize_for: Duration = timedelta(hours=4)
    """A temporary size is reverted after this time."""
    index_time: Wait = timedelta(minutes=15)
    """The creation of an index is given up after this time."""


class Approval(Model):
    """Who may answer a request for approval, and for how long it stands."""

    approvers: tuple[Approver, ...] = ()
    people: Annotated[int, Field(ge=1, le=2)] = 1
    """How many of them have to approve before an act; one refusal is enough. The one who asks is this program
    itself, which no approver can be."""
    routes: dict[Approver, Annotated[tuple[str, ...], Field(min_length=1)]] = {}
    """Routes of the configuration that reach one approver and nobody else, by the approver's name: each is
    sent a page of their own, with a link that answers in their name. Without them nobody gets such a link."""
    expires_after: Duration = timedelta(minutes=10)
    claimed_names: bool = True
    """Whether answers by signal (Temporal UI, `temporal` command line) count.

    Without them a link and `poolmedic approve` are the ways. A matter of order, not of protection: the name
    is claimed in the command too, and whoever may reach Temporal's namespace can claim any.
    """

    @model_validator(mode="after")
    def _enough_can_approve(self) -> "Approval":
        found = len({name.casefold() for name in self.approvers})
        if 0 < found < self.people:
            raise ValueError(
                f"people: {self.people} have to approve, but approvers names {found}; name one more"
            )
        return self

    @property
    def reached(self) -> tuple[str, ...]:
        """The approvers who are sent a link of their own."""
        return tuple(name for name in dict.fromkeys(self.approvers) if name in self.routes)


class Pace(Model):
    """How long the flow waits before it looks again."""

    settle: Duration = timedelta(seconds=2)
    """After an act, before the quick look."""
    patience: Duration = timedelta(seconds=6)
    """How long that look waits for the pool to be free, before the act is said not to have helped."""
    relook: Wait = timedelta(minutes=2)
    """While people are at work, or the answer is awaited."""
    watch: tuple[Wait, ...] = (timedelta(minutes=15), timedelta(minutes=30))
    """Looks after recovery; the last one is the end of the cooldown."""


class Policy(Model):
    """The rules that hold for one incident; a snapshot is part of the workflow's input."""

    mode: Mode = Mode.OBSERVE
    options: dict[Option, Permission] = Field(
        default_factory=lambda: {
            Option.TERMINATE: Permission.ALONE,
            Option.CANCEL: Permission.APPROVAL,
            Option.RESTART: Permission.ALONE,
            Option.RESIZE: Permission.APPROVAL,
            Option.SESSION_TIMEOUT: Permission.APPROVAL,
            Option.INDEX: Permission.APPROVAL,
        }
    )
    clocks: Clocks = Clocks()
    thresholds: Thresholds = Thresholds()
    clear_window: ClearWindow = ClearWindow()
    limits: Limits = Limits()
    approval: Approval = Approval()
    pace: Pace = Pace()
    maintenance: tuple[Window, ...] = ()
    """Times of the week in which nothing is done."""

    def permission(self, option: Option) -> Permission:
        """What mode and options together allow; an option that is not listed is never done."""
        listed = self.options.get(option, Permission.NEVER)
        if listed is Permission.ALONE and self.mode is Mode.APPROVE:
            return Permission.APPROVAL
        return listed

    @model_validator(mode="after")
    def _somebody_can_approve(self) -> "Policy":
        asks = any(self.permission(option) is Permission.APPROVAL for option in self.options)
        if asks and self.mode is not Mode.OBSERVE and not self.approval.approvers:
            raise ValueError("approval.approvers: empty, but an option needs approval; name who may approve")
        return self
