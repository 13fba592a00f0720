"""PostgreSQL as a source and as a place to act, seen by the role of `deploy/postgres`."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import override

from temporalio import activity

from activities.blockers import read_blockers
from activities.cancelling import Cancelling
from activities.patience import Patience
from activities.rehearsal import rehearse
from activities.server import lacking, read_server
from activities.session_timeout import set_timeout
from activities.sessions import count_own, read_sessions
from activities.statements import read_statements
from activities.surroundings import read_surroundings
from activities.termination import Wave
from activities.warm_connection import WarmConnection
from workflows.errors import NotConfigured, PoolmedicError, PreconditionGone, SourceRefused
from workflows.models import target as targets
from workflows.models.evidence import MOST_SESSIONS, DatabaseReading
from workflows.models.outcome import Outcome
from workflows.models.policy import Limits
from workflows.models.session import SessionIdentity
from workflows.ports.activities import Database
from workflows.ports.requests import CancelRequest, Look, TerminateRequest, TimeoutRequest
from workflows.remedies.termination import most_at_once

SECONDS_FOR_STATEMENTS, SECONDS_FOR_SURROUNDINGS = 4.0, 6.0
"""From the beginning of a look, which has 10 s: later, what can be done without is not asked for."""


class PostgresDatabase(Database):
    """One warm connection per connection string, kept open between incidents.

    `dsns` maps the names that targets use (`database.dsn`) to connection strings.
    """

    def __init__(self, dsns: Mapping[str, str]) -> None:
        self._connections = {name: WarmConnection(name, dsn) for name, dsn in dsns.items()}

    async def warm(self) -> dict[str, str]:
        """Open every connection, or check that it still answers: to be called at start and now and then.

        Returns:
            Why, by name, for those that do not answer; they are tried again when they are needed.
        """
        failed: dict[str, str] = {}

        async def warm(name: str, connection: WarmConnection) -> None:
            try:
                await connection.warm()
            except PoolmedicError as exc:
                failed[name] = exc.message

        await asyncio.gather(*(warm(name, connection) for name, connection in self._connections.items()))
        return failed

    async def rehearse(self) -> None:
        """Have what a look asks parsed and planned on every open connection: to be called now and then."""
        await asyncio.gather(*(rehearse(connection) for connection in self._connections.values()))

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            await connection.close()

    @activity.defn
    @override
    async def read_database(self, look: Look) -> DatabaseReading:
        database, patience = look.target.database, Patience()
        async with self.connection(database).lend() as connection:
            server = await read_server(connection, database)
            counts, sessions = await read_sessions(connection, _own(database), MOST_SESSIONS)
            blockers = await read_blockers(connection, sessions)
            statements = await patience.ask(
                "pg_stat_statements",
                SECONDS_FOR_STATEMENTS,
                lambda: read_statements(connection, _own(database)),
            )
            late = patience.late(SECONDS_FOR_SURROUNDINGS)
            pressure, crowd = await read_surroundings(connection, server.version, _own(database), late)
            return DatabaseReading(
                server=server,
                sessions=sessions,
                sessions_total=counts.own,
                foreign=counts.foreign_ones,
                foreign_of_role=counts.foreign_of_role,
                blockers=blockers,
                statements=statements,
                pressure=pressure,
                crowd=crowd,
            )

    @activity.defn
    @override
    async def terminate_sessions(self, request: TerminateRequest) -> Outcome:
        database, sessions = request.target.database, request.act.sessions
        _refuse_what_is_not_its_own(database, sessions)
        warm = self.connection(database)
        async with warm.lend() as connection:
            server = await read_server(connection, database)
            total = await count_own(connection, _own(database))
        _refuse_too_many(len(sessions), total, request.limits)
        if not server.can_terminate:
            raise SourceRefused(
                f"{database.dsn}: poolmedic.terminate_session may not be called for {database.role}"
                f"{lacking(server)}; apply deploy/postgres/poolmedic.sql and list the role in "
                "poolmedic.application_role"
            )
        readers_only = request.act.readers_only
        return await Wave(warm, sessions, activity.heartbeat, readers_only=readers_only).run()

    @activity.defn
    @override
    async def cancel_queries(self, request: CancelRequest) -> Outcome:
        database, statements = request.target.database, request.act.statements
        of_queries = request.act.query_id is not None
        _refuse_what_is_not_its_own(database, statements, names=of_queries)
        warm = self.connection(database)
        async with warm.lend() as connection:
            server = await read_server(connection, database)
            total = await count_own(connection, _own(database))
        if request.limits is not None and len(statements) > request.limits.sessions_per_act:
            raise PreconditionGone(f"{len(statements)} statements are more than may be cancelled at once")
        if of_queries:
            _refuse_too_many(len(statements), total, request.limits)
        if not server.can_cancel:
            raise SourceRefused(
                f"{database.dsn}: poolmedic.cancel_query may not be called for {database.role}"
                f"{lacking(server)}; apply deploy/postgres/poolmedic.sql and list the role in "
                "poolmedic.application_role"
            )
        limits = {"waiting_only": request.act.waiting_only, "readers_only": request.act.readers_only}
        return await Cancelling(warm, statements, activity.heartbeat, **limits).run()

    @activity.defn
    @override
    async def set_session_timeout(self, request: TimeoutRequest) -> Outcome:
        database, act = request.target.database, request.act
        _refuse_what_is_not_its_own(database, act.sessions)
        if (act.role, act.dbname) != (database.role, database.dbname):
            raise SourceRefused(f"{act.role} in {act.dbname} is not the target's own: nothing was touched")
        warm = self.connection(database)
        async with warm.lend() as connection:
            server = await read_server(connection, database)
            total = await count_own(connection, _own(database))
        _refuse_too_many(len(act.sessions), total, request.limits)
        if not (server.can_set_timeout and server.can_terminate):
            raise SourceRefused(
                f"{database.dsn}: poolmedic.set_session_timeout may not be called for {database.role}"
                f"{lacking(server)}; apply deploy/postgres/session_timeout.sql and grant the role to "
                "poolmedic_configurer"
            )
        return await set_timeout(warm, act, activity.heartbeat)

    def connection(self, database: targets.Database) -> WarmConnection:
        """Poolmedic's own connection to this database; raises `NotConfigured`."""
        try:
            return self._connections[database.dsn]
        except KeyError:
            raise NotConfigured(
                f"{database.dsn} is not set: it must hold the connection string of {database.name}"
            ) from None


def _refuse_what_is_not_its_own(
    database: targets.Database, sessions: Iterable[SessionIdentity], *, names: bool = True
) -> None:
    """`names`: the application name has to be the target's as well, which a migration's is not."""
    if database.transaction_pooler:
        raise SourceRefused(
            f"{database.name} is behind a transaction pooler: a pid there is nobody's, nothing was touched"
        )
    for session in sessions:
        is_own = (session.usename, session.datname) == (database.role, database.dbname)
        if not is_own or (names and session.application_name not in database.application_names):
            raise SourceRefused(f"{session} is not the target's own: nothing was touched")


def _refuse_too_many(asked: int, own: int, limits: Limits | None) -> None:
    if limits is None:
        return
    most = most_at_once(limits, own)
    if asked > most:
        raise PreconditionGone(
            f"{asked} sessions are more than the {most} that may end at once; nothing was touched"
        )


def _own(database: targets.Database) -> tuple[str, str, list[str]]:
    return database.role, database.dbname, list(database.application_names)
