"""PostgreSQL as a source and as a place to act, seen by the role of `deploy/postgres`."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import override

from asyncpg import PostgresError, Record
from temporalio import activity

from activities.blockers import read_blockers
from activities.cancelling import Cancelling
from activities.crowd import read_crowd
from activities.literals import mask_literals
from activities.patience import Patience
from activities.postgres_errors import DRIVER_ERRORS, describe
from activities.pressure import read_pressure
from activities.session_timeout import set_timeout
from activities.termination import Wave
from activities.warm_connection import Connection, WarmConnection, fetch, fetch_row, fetch_value
from workflows.errors import NotConfigured, PoolmedicError, PreconditionGone, SourceRefused, WrongServer
from workflows.models import target as targets
from workflows.models.evidence import MOST_SESSIONS, DatabaseReading, ServerReading, StatementReading
from workflows.models.outcome import Outcome
from workflows.models.policy import Limits
from workflows.models.reading import Known, Unavailable
from workflows.models.session import Session, SessionIdentity
from workflows.models.text import clean
from workflows.ports.activities import Database
from workflows.ports.requests import CancelRequest, Look, TerminateRequest, TimeoutRequest
from workflows.remedies.termination import most_at_once
from workflows.wording import listed

MOST_STATEMENTS = 20
LONGEST_TEXT = 300
SECONDS_FOR_STATEMENTS, SECONDS_FOR_PRESSURE = 4.0, 6.0
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

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            await connection.close()

    @activity.defn
    @override
    async def read_database(self, look: Look) -> DatabaseReading:
        database, patience = look.target.database, Patience()
        async with self.connection(database).lend() as connection:
            server = await _read_server(connection, database)
            # One transaction: all statements see the same snapshot of the sessions.
            async with connection.transaction(readonly=True):
                counts = await fetch_row(connection, "counts", *_own(database))
                rows = await fetch(connection, "sessions", *_own(database), MOST_SESSIONS)
            sessions = tuple(_session(row) for row in rows)
            return DatabaseReading(
                server=server,
                sessions=sessions,
                sessions_total=counts["own"],
                foreign=counts["foreign_ones"],
                foreign_of_role=counts["foreign_of_role"],
                blockers=await read_blockers(connection, sessions),
                statements=await patience.ask(
                    "pg_stat_statements",
                    SECONDS_FOR_STATEMENTS,
                    lambda: _read_statements(connection, database),
                ),
                pressure=await patience.ask(
                    "what presses on the server",
                    SECONDS_FOR_PRESSURE,
                    lambda: read_pressure(connection, server.version, _own(database)),
                ),
                crowd=await patience.ask(
                    "who has the server's connections", SECONDS_FOR_PRESSURE, lambda: read_crowd(connection)
                ),
            )

    @activity.defn
    @override
    async def terminate_sessions(self, request: TerminateRequest) -> Outcome:
        database, sessions = request.target.database, request.act.sessions
        _refuse_what_is_not_its_own(database, sessions)
        warm = self.connection(database)
        async with warm.lend() as connection:
            server = await _read_server(connection, database)
            counts = await fetch_row(connection, "counts", *_own(database))
        _refuse_too_many(len(sessions), counts["own"], request.limits)
        if not server.can_terminate:
            raise SourceRefused(
                f"{database.dsn}: poolmedic.terminate_session may not be called for {database.role}"
                f"{_lacking(server)}; apply deploy/postgres/poolmedic.sql and list the role in "
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
            server = await _read_server(connection, database)
            counts = await fetch_row(connection, "counts", *_own(database))
        if request.limits is not None and len(statements) > request.limits.sessions_per_act:
            raise PreconditionGone(f"{len(statements)} statements are more than may be cancelled at once")
        if of_queries:
            _refuse_too_many(len(statements), counts["own"], request.limits)
        if not server.can_cancel:
            raise SourceRefused(
                f"{database.dsn}: poolmedic.cancel_query may not be called for {database.role}"
                f"{_lacking(server)}; apply deploy/postgres/poolmedic.sql and list the role in "
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
            server = await _read_server(connection, database)
            counts = await fetch_row(connection, "counts", *_own(database))
        _refuse_too_many(len(act.sessions), counts["own"], request.limits)
        if not (server.can_set_timeout and server.can_terminate):
            raise SourceRefused(
                f"{database.dsn}: poolmedic.set_session_timeout may not be called for {database.role}"
                f"{_lacking(server)}; apply deploy/postgres/session_timeout.sql and grant the role to "
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


async def _read_server(connection: Connection, database: targets.Database) -> ServerReading:
    row = await fetch_row(connection, "server", database.role)
    identifier = await _read_identifier(connection)
    _check(database, row, identifier)
    allowed = await _allowed(connection, row, database.role)
    return ServerReading(
        version=row["version"],
        system_identifier=identifier,
        in_recovery=row["in_recovery"],
        started_at=row["started_at"],
        max_connections=row["max_connections"],
        reserved_connections=row["reserved_connections"],
        connections=row["connections"],
        reserved_for_roles=row["reserved_for_roles"],
        uses_reserved=row["uses_reserved"],
        sync_standbys=row["sync_standbys"],
        role_limit=row["role_limit"],
        database_limit=row["database_limit"],
        can_terminate="terminate_session" in allowed,
        can_cancel="cancel_query" in allowed,
        can_set_timeout="set_session_timeout" in allowed and row["is_configurable"],
        session_timeout=row["session_timeout"],
        is_superuser=row["is_superuser"],
        lacking=tuple(clean(each) for each in row["lacking"]),
    )


def _lacking(server: ServerReading) -> str:
    return f" ({listed(server.lacking)})" if server.lacking else ""


async def _read_identifier(connection: Connection) -> str | None:
    try:
        return str(await fetch_value(connection, "identifier"))
    except PostgresError as exc:
        if exc.sqlstate != "42501":  # insufficient_privilege
            raise
        return None


async def _allowed(connection: Connection, row: Record, role: str) -> list[str]:
    """The functions of deploy/postgres that may be called for sessions of this role."""
    if not (row["may_call"] and row["lists_roles"]):
        return []
    return list(row["may_call"]) if await fetch_value(connection, "allowed", role) else []


def _check(database: targets.Database, row: Record, identifier: str | None) -> None:
    if not row["sees_every_session"]:
        raise SourceRefused(
            f"{database.dsn}: the role lacks pg_read_all_stats and cannot see what sessions do"
        )
    expected = {
        "database": (database.dbname, row["dbname"]),
        "in recovery": (database.standby, row["in_recovery"]),
        "system identifier": (database.system_identifier or identifier, identifier),
    }
    for what, (wanted, found) in expected.items():
        if wanted != found:
            raise WrongServer(
                f"{database.dsn} leads to the wrong server: {what} is {found}, expected {wanted}"
            )


def _session(row: Record) -> Session:
    values = dict(row)
    identity = SessionIdentity(**{name: values.pop(name) for name in SessionIdentity.model_fields})
    return Session(identity=identity, **values)


async def _read_statements(
    connection: Connection, database: targets.Database
) -> Known[tuple[StatementReading, ...]] | Unavailable:
    try:
        schema = await fetch_value(connection, "extension")
        if schema is None:
            return Unavailable(
                reason=f"pg_stat_statements is not installed in {database.dbname}: CREATE EXTENSION"
            )
        rows = await fetch(connection, "statements", *_own(database), MOST_STATEMENTS, schema=schema)
    except DRIVER_ERRORS as exc:
        return Unavailable(reason=f"pg_stat_statements: {describe(exc)}")
    return Known(value=tuple(_statement(row) for row in rows), at=datetime.now(UTC))


def _statement(row: Record) -> StatementReading:
    text = mask_literals(row["text"])
    return StatementReading(
        **{**row, "text": text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"}
    )
