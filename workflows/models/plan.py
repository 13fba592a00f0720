"""A plan: the next step only, with everything that identifies what it would touch."""

import re
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
    readers_only: bool = False
    """Whoever has written meanwhile is left alone: nobody was asked about what would be lost."""


class Cancellation(Model):
    """Cancel exactly these statements, each while it still runs; their sessions stay."""

    option: Literal[Option.CANCEL] = Option.CANCEL
    statements: tuple[StatementIdentity, ...]
    query_id: int | None = None
    """The shape of slow queries; None for changes of a table."""
    rest: tuple[StatementIdentity, ...] = ()
    """Slow as well, and left for the next wave."""
    waiting_only: bool = False
    """Whoever has got its lock meanwhile, and works, is left alone."""
    readers_only: bool = False
    """As of a termination."""


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
    replaces: dict[str, int] = {}
    """The temporary sizes that a revert takes back; it leaves any other alone."""


class SessionTimeout(Model):
    """Let the server itself end what idles in a transaction of this role, and end what does so now.

    The setting holds for new sessions of the role in the database; the listed ones began without it.
    """

    option: Literal[Option.SESSION_TIMEOUT] = Option.SESSION_TIMEOUT
    role: str
    dbname: str
    timeout: Duration
    before: str | None
    """What is set now, as the server has it; None for nothing."""
    sessions: tuple[SessionIdentity, ...]


class IndexCreation(Model):
    """Create this index without holding up readers or writers, unless it is there already."""

    option: Literal[Option.INDEX] = Option.INDEX
    query_id: int
    """The slow query that it is for."""
    namespace: str
    table: str
    columns: tuple[str, ...]
    name: str
    limit: Duration
    """Given up after this time."""

    @property
    def statement(self) -> str:
        """As people are shown it; the server quotes the names anew when it is run."""
        columns = ", ".join(map(_quoted, self.columns))
        return (
            f"CREATE INDEX CONCURRENTLY {_quoted(self.name)} "
            f"ON {_quoted(self.namespace)}.{_quoted(self.table)} ({columns})"
        )

    @property
    def undo(self) -> str:
        """What takes it back."""
        return f"DROP INDEX CONCURRENTLY {_quoted(self.namespace)}.{_quoted(self.name)}"


type Act = Annotated[
    Termination | Cancellation | Restart | Resize | SessionTimeout | IndexCreation,
    Field(discriminator="option"),
]


class LookAgain(Model):
    """Nothing to do yet: look again after a while."""

    kind: Literal["look-again"] = "look-again"
    after: Duration
    why: str
    is_suspicion: bool = False
    """What looks wrong is not certain yet: a suspicion that stays one needs people."""


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


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return name if _PLAIN.fullmatch(name) else f'"{doubled}"'


_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
