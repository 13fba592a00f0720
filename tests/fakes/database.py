"""PostgreSQL, on the simulated world."""

from datetime import datetime
from typing import override

from temporalio import activity

from tests.fakes import changes, readings
from tests.fakes.port import Port
from tests.fakes.state import Backend
from tests.fakes.world import Act
from workflows.errors import PreconditionGone, SourceRefused
from workflows.models.evidence import DatabaseReading
from workflows.models.outcome import Outcome, OutcomeStatus, Touched
from workflows.models.plan import Cancellation, SessionTimeout, Termination
from workflows.models.policy import Limits
from workflows.models.session import SessionIdentity, StatementIdentity
from workflows.models.target import Database
from workflows.ports import activities as ports
from workflows.ports.requests import (
    CancelRequest,
    Look,
    TerminateRequest,
    TimeoutRequest,
)
from workflows.remedies.termination import most_at_once


class FakeDatabase(Port, ports.Database):
    """PostgreSQL: a session ends only if it is its very identity, and the target's own."""

    @activity.defn
    @override
    async def read_database(self, look: Look) -> DatabaseReading:
        async with self.world.scene("read_database") as at:
            self.see("database", at)
            return readings.read_sessions(self.world, look.target.database, at)

    @activity.defn
    @override
    async def terminate_sessions(self, request: TerminateRequest) -> Outcome:
        async with self.world.scene("terminate_sessions") as at:
            self.see("database", at)
            self._refuse(request, at)
            return await self._end_all(request, at)

    @activity.defn
    @override
    async def cancel_queries(self, request: CancelRequest) -> Outcome:
        async with self.world.scene("cancel_queries") as at:
            self.see("database", at)
            database, statements = request.target.database, request.act.statements
            names = request.act.query_id is not None
            _refuse_pids_of_a_pooler(database)
            if not all(_is_allowed(each, database, names=names) for each in statements):
                raise SourceRefused("a session is not the target's own: nothing was touched")
            if request.limits is not None and len(statements) > request.limits.sessions_per_act:
                raise PreconditionGone(f"{len(statements)} statements are more than may be cancelled at once")
            if names:
                self._refuse_too_many(len(statements), request.limits, database, at)
            touched: tuple[Touched, ...] = ()
            for each in statements:
                await self.world.step("cancel", at)
                _beat((*touched, *map(_pending, statements[len(touched) :])))
                touched += (self._cancel(each, request.act, at),)
                _beat((*touched, *map(_pending, statements[len(touched) :])))
            cancelled = sum(one.result == "cancelled" for one in touched)
            status = OutcomeStatus.DONE if cancelled == len(touched) else OutcomeStatus.PARTLY
            return Outcome(
                status=status if any(one.changed for one in touched) else OutcomeStatus.NOTHING,
                touched=touched,
                detail=f"{cancelled} of {len(touched)} statements cancelled",
            )

    @activity.defn
    @override
    async def set_session_timeout(self, request: TimeoutRequest) -> Outcome:
        async with self.world.scene("set_session_timeout") as at:
            self.see("database", at)
            self._refuse(request, at)
            act, database = request.act, request.target.database
            state = self.world.state(at)
            if (act.role, act.dbname) != (database.role, database.dbname) or not state.can_set_timeout:
                raise SourceRefused("the timeout may not be set for that role: nothing was touched")
            if state.session_timeout != act.before:
                raise PreconditionGone("another timeout is set than was seen: nothing was touched")
            setting = f"{round(act.timeout.total_seconds() * 1000)}ms"
            await self.world.step("set timeout", at)
            self.world.record(at, changes.set_timeout(setting), Act(at, "set timeout", setting))
            done = Touched(what=f"role {act.role} in {act.dbname}", changed=True, result=f"set to {setting}")
            wave = await self._end_all(request, at, done)
            is_whole = wave.status is OutcomeStatus.DONE
            return Outcome(
                status=OutcomeStatus.DONE if is_whole else OutcomeStatus.PARTLY,
                touched=(done, *wave.touched),
                detail=f"{done.result}; {wave.detail}",
            )

    async def _end_all(
        self, request: TerminateRequest | TimeoutRequest, at: datetime, *before: Touched
    ) -> Outcome:
        sessions = request.act.sessions
        touched: tuple[Touched, ...] = ()
        for session in sessions:
            await self.world.step("end", at)
            _beat((*before, *touched, *map(_pending, sessions[len(touched) :])))
            touched += (self._end(session, request, at),)
            _beat((*before, *touched, *map(_pending, sessions[len(touched) :])))
        ended = sum(one.changed for one in touched)
        status = OutcomeStatus.DONE if ended == len(touched) else OutcomeStatus.PARTLY
        return Outcome(
            status=status if ended else OutcomeStatus.NOTHING,
            touched=touched,
            detail=f"{ended} of {len(touched)} sessions ended",
        )

    def _cancel(self, wanted: StatementIdentity, act: Cancellation, at: datetime) -> Touched:
        found = [each for each in self.world.state(at).backends if each.statement_identity(at) == wanted]
        if not found or found[0].state != "active" or not self._is_as_asked(found[0], act):
            return Touched(what=str(wanted), changed=False, result="left alone: not as identified any more")
        self.world.record(at, changes.cancel(wanted), Act(at, "cancel", str(wanted.pid)))
        result = "cancelled" if found[0].heeds_cancel else "told to stop"
        return Touched(what=str(wanted), changed=True, result=result)

    def _is_as_asked(self, backend: Backend, act: Cancellation | Termination | SessionTimeout) -> bool:
        """Whether it still waits, and has still not written, where the act is for such alone."""
        waits = bool(backend.blocked_by) or not (isinstance(act, Cancellation) and act.waiting_only)
        reads = not backend.has_written or isinstance(act, SessionTimeout) or not act.readers_only
        return waits and reads

    def _refuse(self, request: TerminateRequest | TimeoutRequest, at: datetime) -> None:
        database, asked = request.target.database, len(request.act.sessions)
        _refuse_pids_of_a_pooler(database)
        if not all(readings.is_own(session, database) for session in request.act.sessions):
            raise SourceRefused("a session is not the target's own: nothing was touched")
        self._refuse_too_many(asked, request.limits, database, at)

    def _refuse_too_many(self, asked: int, limits: Limits | None, database: Database, at: datetime) -> None:
        own = readings.read_sessions(self.world, database, at).sessions_total
        if limits is not None and asked > (most := most_at_once(limits, own)):
            raise PreconditionGone(f"{asked} sessions are more than the {most} that may end at once")

    def _end(
        self, wanted: SessionIdentity, request: TerminateRequest | TimeoutRequest, at: datetime
    ) -> Touched:
        self.world.asked_to_end.append(wanted)
        found = [backend for backend in self.world.state(at).backends if backend.identity(at) == wanted]
        is_allowed = found and readings.is_own(found[0], request.target.database) and not found[0].in_progress
        if not (is_allowed and self._is_as_asked(found[0], request.act)):
            return Touched(what=str(wanted), changed=False, result="left alone: not as identified any more")
        self.world.record(at, changes.end(wanted), Act(at, "end", str(wanted.pid)))
        return Touched(what=str(wanted), changed=True, result="ended")


def _refuse_pids_of_a_pooler(database: Database) -> None:
    if database.transaction_pooler:
        raise SourceRefused("a pid behind a transaction pooler is nobody's: nothing was touched")


def _is_allowed(session: SessionIdentity, database: Database, *, names: bool) -> bool:
    is_of_role = (session.usename, session.datname) == (database.role, database.dbname)
    return is_of_role and (not names or session.application_name in database.application_names)


def _beat(touched: tuple[Touched, ...]) -> None:
    if activity.in_activity():
        activity.heartbeat(touched)


def _pending(session: SessionIdentity) -> Touched:
    return Touched(what=str(session), changed=False, result="not reached yet")
