"""Cancels statements one at a time, by the same steps as sessions are ended; the sessions stay."""

from typing import override

from asyncpg import Record

from activities.termination import Wave
from workflows.models.session import StatementIdentity


class Cancelling(Wave[StatementIdentity]):
    """The statements of one act, each with what became of it."""

    statement = "cancel"
    nouns = "statements"
    asked, signalled, ended = "asked to stop; no answer heard", "told to stop", "cancelled"

    @override
    def arguments(self, session: StatementIdentity) -> tuple[object, ...]:
        *leading, usename, datname, application_name, readers_only = super().arguments(session)
        names = (usename, datname, application_name)
        return (*leading, session.query_start, *names, self.waiting_only, readers_only)

    @override
    def is_over(self, session: StatementIdentity, now: Record) -> bool:
        return any(now[name] != getattr(session, name) for name in ("state", "state_change", "query_start"))
