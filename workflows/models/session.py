"""Database sessions as `pg_stat_activity` shows them, without any text of their queries."""

from typing import override

from workflows.models.base import Model, Moment


class SessionIdentity(Model):
    """Everything that must still be true of a session in the very statement that ends it."""

    pid: int
    backend_start: Moment
    state: str
    state_change: Moment
    xact_start: Moment | None
    usename: str
    datname: str
    application_name: str

    @override
    def __str__(self) -> str:
        return f"session {self.pid} ({self.usename}, {self.application_name}, {self.state})"


class StatementIdentity(SessionIdentity):
    """The same for the one statement that a session runs, in the very statement that cancels it."""

    query_start: Moment


class Session(Model):
    """One client backend of the target's own, its age, what it waits for."""

    identity: SessionIdentity
    state_seconds: float
    """Since `state_change`, by the server's clock."""
    xact_seconds: float | None = None
    has_written: bool = False
    """`backend_xid` is set: ending it rolls back work."""
    holds_advisory_lock: bool = False
    """Ending it frees a lock that means something to the application."""
    wait_event_type: str | None = None
    wait_event: str | None = None
    query_id: int | None = None
    blocked_by: tuple[int, ...] = ()
    query_start: Moment | None = None
    """Of the statement that it runs, or ran last."""
    reads_only: bool = False
    """That statement is of a kind that neither writes nor locks rows; False where that is not certain."""
    in_progress: str | None = None
    """The `pg_stat_progress_*` view that lists it: a migration or maintenance, never touched."""

    @property
    def age_order(self) -> tuple[Moment, int]:
        """Sorts the oldest first; the pid only makes the order certain."""
        return self.identity.state_change, self.identity.pid

    @property
    def statement(self) -> StatementIdentity | None:
        """What identifies the statement that it runs; None where its start is not known."""
        if self.query_start is None:
            return None
        return StatementIdentity(**self.identity.model_dump(), query_start=self.query_start)

    @property
    def loses_something(self) -> bool:
        """Whether the application would lose work or a lock by its end: a person must approve."""
        return self.has_written or self.holds_advisory_lock
