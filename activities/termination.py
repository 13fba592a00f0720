"""A wave: ends sessions one statement each, keeps the list of what became of them, sees them off."""

import asyncio
from collections.abc import Callable, Iterable

from asyncpg import Record

from activities.beating import stop_if_given_up
from activities.warm_connection import WarmConnection, fetch, fetch_value
from workflows.errors import PoolmedicError, SourceUnavailable
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.session import SessionIdentity

SECONDS_TO_LEAVE = 5.0
SECONDS_BETWEEN_LOOKS = 0.05
_PENDING = "not reached yet, or not heard of any more"

type Tell = Callable[[tuple[Touched, ...]], None]
"""Called with the whole list before each touch, and when it has changed: all that is left of a lost act."""


class Wave[Identity: SessionIdentity]:
    """The sessions of one act, each with what became of it."""

    statement = "terminate"
    """The file of the SQL that signals one of them."""
    nouns = "sessions"
    asked, signalled, ended = "asked to end; no answer heard", "told to end", "ended"

    def __init__(
        self,
        connection: WarmConnection,
        sessions: Iterable[Identity],
        tell: Tell,
        *,
        waiting_only: bool = False,
        readers_only: bool = False,
    ) -> None:
        self._connection = connection
        self.waiting_only, self.readers_only = waiting_only, readers_only
        self._tell = tell
        self._results = {
            session: Touched(what=str(session), changed=False, result=_PENDING) for session in sessions
        }

    async def run(self) -> Outcome:
        """End them and wait until they are gone; a connection lost on the way gives `unknown`."""
        try:
            for session in self._results:
                await self._end(session)
            await self._see_off()
        except PoolmedicError as exc:
            lost = isinstance(exc, SourceUnavailable)
            return self._outcome(OutcomeStatus.UNKNOWN if lost else OutcomeStatus.FAILED, exc.message)
        return self._judge()

    def arguments(self, session: Identity) -> tuple[object, ...]:
        """What identifies it in that SQL."""
        return (
            session.pid,
            session.backend_start,
            session.state,
            session.state_change,
            session.xact_start,
            session.usename,
            session.datname,
            session.application_name,
            self.readers_only,
        )

    def is_over(self, session: Identity, now: Record) -> bool:  # noqa: ARG002 - a session lasts while it is there
        """Whether what was signalled has come to its end, though its backend is still there."""
        return False

    async def _end(self, session: Identity) -> None:
        async with self._connection.lend() as connection:
            stop_if_given_up()
            self._note(session, changed=False, result=self.asked)
            signalled: bool = await fetch_value(connection, self.statement, *self.arguments(session))
            if signalled:
                self._note(session, changed=True, result=self.signalled)
            else:
                rows = await fetch(connection, "alive", [session.pid])
                self._note(session, changed=False, result=self._explain(session, rows))

    def _explain(self, session: Identity, rows: list[Record]) -> str:
        now = next((row for row in rows if row["backend_start"] == session.backend_start), None)
        if now is None:
            return "left alone: it was gone already"
        if any(now[name] != value for name, value in session.model_dump().items()):
            since = f"{now['state_change']:%H:%M:%S.%f}" if now["state_change"] else "just now"
            return f"left alone: it has moved on ({now['state']} since {since} UTC)"
        if self.readers_only and now["has_written"]:
            return "left alone: it has written meanwhile, and nobody was asked about that"
        if self.waiting_only and now["wait_event_type"] != "Lock":
            return "left alone: it has got its lock and works"
        return "left alone: the server protects it (a migration, maintenance or a wait for a standby)"

    async def _see_off(self) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + SECONDS_TO_LEAVE
        while leaving := [session for session in self._results if self._is_leaving(session)]:
            for session in await self._gone(leaving):
                self._note(session, changed=True, result=self.ended)
            if clock() >= deadline:
                return
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _gone(self, leaving: list[Identity]) -> list[Identity]:
        async with self._connection.lend() as connection:
            rows = await fetch(connection, "alive", [session.pid for session in leaving])
        here = {(row["pid"], row["backend_start"]): row for row in rows}
        found = {session: here.get((session.pid, session.backend_start)) for session in leaving}
        return [session for session, now in found.items() if now is None or self.is_over(session, now)]

    def _is_leaving(self, session: Identity) -> bool:
        return self._results[session].result == self.signalled

    def _note(self, session: Identity, *, changed: bool, result: str) -> None:
        self._results[session] = Touched(what=str(session), changed=changed, result=result)
        self._tell(self._touched)

    @property
    def _touched(self) -> tuple[Touched, ...]:
        return tuple(self._results.values())

    def _judge(self) -> Outcome:
        ended = sum(touched.result == self.ended for touched in self._touched)
        signalled = sum(touched.changed for touched in self._touched)
        if not signalled:
            return self._outcome(OutcomeStatus.NOTHING, f"none of the {self.nouns} was as identified")
        detail = f"{ended} of {len(self._results)} {self.nouns} {self.ended}"
        if signalled > ended:
            late = f"still there after {SECONDS_TO_LEAVE:.0f} s"
            detail += f", {signalled - ended} {self.signalled} but {late}"
        return self._outcome(
            OutcomeStatus.DONE if ended == len(self._results) else OutcomeStatus.PARTLY, detail
        )

    def _outcome(self, status: OutcomeStatus, detail: str) -> Outcome:
        return Outcome(status=status, touched=self._touched, detail=detail)
