"""Creates one index without holding anybody up, and leaves nothing half-made behind."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from asyncpg import DuplicateTableError, QueryCanceledError, Record, UniqueViolationError

from activities.beating import given_up, is_told_to_end, stop_if_given_up
from activities.owner_connection import Owners, check
from activities.termination import Tell
from activities.warm_connection import Connection, WarmConnection, fetch, fetch_row
from workflows.errors import PoolmedicError, PreconditionGone
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.plan import IndexCreation
from workflows.models.target import Database
from workflows.wording import span

SECONDS_BETWEEN_WATCHES = 1.0
SECONDS_TO_STOP = 10.0
LONGEST_DROP = timedelta(minutes=10)
"""It waits for everybody who has any lock on the table, the slow query too."""
SECONDS_TO_CLEAR_UP = 3.5
LAST_DROP = timedelta(seconds=2)
"""The same where the worker was told to end: its process leaves within five seconds."""
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BEHIND_IT = 5.0
"""That somebody may wait behind it who holds up everybody else meanwhile."""


class Creation:
    """One attempt at one index. `medic` looks on, and knows what became of it whoever else is gone."""

    def __init__(
        self, medic: WarmConnection, owners: Owners, database: Database, act: IndexCreation, tell: Tell
    ) -> None:
        self._medic = medic
        self._owners = owners
        self._database = database
        self._act = act
        self._tell = tell
        self._builder: int | None = None
        """The backend that creates it, once it was told to."""
        self._is_taken = False
        self._queue: str | None = None
        """Who had to wait behind it, where it was stopped for that."""

    async def run(self) -> Outcome:
        """Create it, unless its name is taken; a failure, or a cancel, drops what it left, and only that."""
        if (found := await self._state()) is not None:
            return self._judge_existing(found)
        try:
            async with self._owners.connect(self._database, self._act.limit) as connection:
                await check(connection, self._medic, self._database)
                statements = await self._statements(connection)
                await self._create(connection, statements["creates"])
        except PoolmedicError as failure:
            if self._is_taken:
                raise
            return await self._clear_up(failure.message, LONGEST_DROP)
        except asyncio.CancelledError:
            return await self._end_early()
        undo = f"to take it back: {statements['drops']}"
        return self._outcome(OutcomeStatus.DONE, changed=True, result="created, valid", detail=undo)

    async def _end_early(self) -> Outcome:
        """No failure of the index: it may be tried again, unless something is left in its way."""
        reason = f"{given_up()} in the middle of it"
        limit, seconds = (LAST_DROP, SECONDS_TO_CLEAR_UP) if is_told_to_end() else (LONGEST_DROP, None)
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._clear_up(reason, limit)
        except TimeoutError:
            detail = (
                f"{reason}; it may still be built, or be INVALID and have to be dropped: {self._act.undo}"
            )
            return self._outcome(OutcomeStatus.UNKNOWN, changed=True, result="not known", detail=detail)
        if outcome.status is not OutcomeStatus.FAILED:
            return outcome
        is_left = any(each.changed for each in outcome.touched)
        status = OutcomeStatus.PARTLY if is_left else OutcomeStatus.NOTHING
        return outcome.model_copy(update={"status": status})

    async def _create(self, connection: Connection, statement: str) -> None:
        stop_if_given_up()
        self._builder = connection.get_server_pid()
        self._note("being created")
        try:
            await self._send(connection, statement)
        except (DuplicateTableError, UniqueViolationError) as exc:
            # Of two who take one name at the same moment, the later one violates the catalogue's own index.
            if isinstance(exc, UniqueViolationError) and exc.table_name != "pg_class":
                raise
            self._is_taken = True
            raise PreconditionGone(f"{self._act.name} was taken meanwhile; nothing was touched") from None
        state = await self._state()
        if state is None or not self._is_ours(state) or not state["is_valid"]:
            raise PreconditionGone("the server says that it was created, and does not show it as valid")

    async def _send(self, connection: Connection, statement: str) -> None:
        """Let it take its time, as long as nobody has to wait behind it."""
        self._queue = None
        watching = asyncio.create_task(self._watch(connection.get_server_pid()))
        try:
            await connection.execute(statement)
        except QueryCanceledError:
            if self._queue is not None:
                raise PreconditionGone(self._queue) from None
            raise
        finally:
            watching.cancel()

    async def _watch(self, backend: int) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_WATCHES)
            # A look that fails is made again: who waits does not go away for that.
            with suppress(PoolmedicError):
                async with self._medic.lend() as looking:
                    rows = await fetch(looking, "index_queue", backend, SECONDS_BEHIND_IT)
                if rows:
                    self._queue = _tell(rows[0])
                    await self._stop(backend)

    async def _clear_up(self, reason: str, limit: timedelta) -> Outcome:
        """Its own invalid rest is dropped, and nothing else: what is another one is left to people."""
        if self._builder is None:
            return self._outcome(OutcomeStatus.FAILED, changed=False, result="not created", detail=reason)
        try:
            await self._stop(self._builder)
            state = await self._state()
            if state is None:
                return self._outcome(OutcomeStatus.FAILED, changed=False, result="not created", detail=reason)
            if not self._is_ours(state):
                detail = f"{reason}; an index of that name is there, and is another one: it was left alone"
                return self._outcome(OutcomeStatus.UNKNOWN, changed=True, result="not known", detail=detail)
            if state["is_valid"]:
                return self._outcome(OutcomeStatus.DONE, changed=True, result="created, valid", detail=reason)
            if state["is_being_built"]:
                return self._outcome(OutcomeStatus.UNKNOWN, changed=True, result="still built", detail=reason)
            return await self._drop(reason, limit)
        except PoolmedicError as failure:
            detail = f"{reason}; what became of it could not be read: {failure.message}"
            return self._outcome(OutcomeStatus.UNKNOWN, changed=True, result="not known", detail=detail)

    async def _stop(self, backend: int) -> None:
        """A backend whose client is gone would go on, and be done when nobody expects it any more."""
        async with self._owners.connect(self._database) as connection:
            for _ in range(round(SECONDS_TO_STOP / SECONDS_BETWEEN_LOOKS)):
                if not await fetch(connection, "index_stop", backend):
                    return
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _drop(self, reason: str, limit: timedelta) -> Outcome:
        try:
            async with self._owners.connect(self._database, limit) as connection:
                await check(connection, self._medic, self._database)
                statements = await self._statements(connection)
                self._note("failed; its rest is being dropped")
                await self._send(connection, statements["drops"])
        except PoolmedicError as failure:
            detail = f"{reason}; it is INVALID and has to be dropped: {self._act.undo} ({failure.message})"
            return self._outcome(OutcomeStatus.FAILED, changed=True, result="left INVALID", detail=detail)
        return self._outcome(
            OutcomeStatus.FAILED, changed=False, result="not created, its invalid rest dropped", detail=reason
        )

    def _judge_existing(self, found: Record) -> Outcome:
        name = f"an index {self._act.namespace}.{self._act.name}"
        if not self._is_ours(found):
            raise PreconditionGone(f"{name} is there already, and is another one; nothing was touched")
        if found["is_being_built"]:
            raise PreconditionGone(f"{name} is being built already; nothing was touched")
        if not found["is_valid"]:
            raise PreconditionGone(
                f"{name} is there already and INVALID, left by an attempt that was lost; "
                f"DROP INDEX CONCURRENTLY it first; nothing was touched"
            )
        return self._outcome(
            OutcomeStatus.NOTHING,
            changed=False,
            result="there already, valid",
            detail=f"{name} exists already",
        )

    def _is_ours(self, state: Record) -> bool:
        """By its definition: the name alone may be anybody's."""
        is_plain = state["is_plain"] and state["method"] == "btree"
        return bool(is_plain) and (state["table_name"], tuple(state["columns"])) == (
            self._act.table,
            self._act.columns,
        )

    async def _state(self) -> Record | None:
        async with self._medic.lend() as connection:
            rows = await fetch(connection, "index_state", self._act.namespace, self._act.name)
        return rows[0] if rows else None

    async def _statements(self, connection: Connection) -> Record:
        act = self._act
        return await fetch_row(
            connection, "index_statement", act.name, act.namespace, act.table, list(act.columns)
        )

    def _note(self, result: str) -> None:
        self._tell((self._touched(changed=True, result=result),))

    def _touched(self, *, changed: bool, result: str) -> Touched:
        what = f"index {self._act.name} on {self._act.namespace}.{self._act.table}"
        return Touched(what=what, changed=changed, result=result)

    def _outcome(self, status: OutcomeStatus, *, changed: bool, result: str, detail: str) -> Outcome:
        return Outcome(status=status, touched=(self._touched(changed=changed, result=result),), detail=detail)


def _tell(waiting: Record) -> str:
    who = f"pid {waiting['pid']} ({waiting['application_name'] or 'no application name'}, {waiting['role']})"
    waits = f"waited {span(waiting['seconds'])} behind it for a lock ({waiting['mode']})"
    return f"stopped: {who} {waits}, and everybody else who came to the table behind that"
