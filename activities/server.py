"""The database server: whether it is the target's, its limits, and what poolmedic's role may do there."""

from asyncpg import PostgresError, Record

from activities.warm_connection import Connection, fetch_row, fetch_value
from workflows.errors import SourceRefused, WrongServer
from workflows.models import target as targets
from workflows.models.evidence import ServerReading
from workflows.models.text import clean
from workflows.wording import listed


async def read_server(connection: Connection, database: targets.Database) -> ServerReading:
    """Its limits, and what may be done there; raises `WrongServer` where it is not the target's own."""
    row = await fetch_row(connection, "server", database.role)
    identifier = await read_identifier(connection)
    _check(database, row, identifier)
    allowed = await read_allowed(connection, row, database.role)
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


def lacking(server: ServerReading) -> str:
    """What its functions lack, in brackets behind a sentence; nothing where nothing is."""
    return f" ({listed(server.lacking)})" if server.lacking else ""


async def read_identifier(connection: Connection) -> str | None:
    """The system identifier (`pg_control_system`), None where the role may not read it."""
    try:
        return str(await fetch_value(connection, "identifier"))
    except PostgresError as exc:
        if exc.sqlstate != "42501":  # insufficient_privilege
            raise
        return None


async def read_allowed(connection: Connection, row: Record, role: str) -> list[str]:
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
