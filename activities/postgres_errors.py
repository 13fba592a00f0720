"""What PostgreSQL and its driver can say, translated once into the errors of `workflows.errors`."""

import socket

import asyncpg

from workflows.errors import PoolmedicError, SourceNonsense, SourceRefused, SourceUnavailable

type DriverError = (
    asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.exceptions.InternalClientError | OSError
)

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.InternalClientError,
    OSError,
)
"""Everything an open connection raises; `TimeoutError` is an `OSError`."""

_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.SyntaxOrAccessError,
    asyncpg.ReadOnlySQLTransactionError,
)
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    OSError,
)

_NOBODY = "Connect call failed"
"""What asyncio says where nothing listens, at one address or at each of several."""
_WAYS_IN = {
    "InitializeSessionUserId": "its role's own CONNECTION LIMIT counts every connection of the role to this "
    "server, in all databases and from all processes; raise it with ALTER ROLE … CONNECTION LIMIT",
    "CheckMyDatabase": "the database's own CONNECTION LIMIT holds for everybody but superusers; "
    "raise it with ALTER DATABASE … CONNECTION LIMIT",
}
"""By the server's function that refuses, the same in every language; anywhere else every slot is taken."""


def translate(error: DriverError, server: str) -> PoolmedicError:
    """The same failure as one of ours; `server` names the secret that holds the connection string."""
    said = f"{server}: {describe(error)}"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        reserve = "where every slot is taken, its role needs pg_use_reserved_connections"
        return SourceUnavailable(f"{said}; {_WAYS_IN.get(error.server_source_function or '', reserve)}")
    if isinstance(error, _REFUSALS):
        return SourceRefused(said)
    if isinstance(error, socket.gaierror) or _NOBODY in str(error):
        remedy = f"start the server, or correct host and port in {server} (`database` of the target)"
        return SourceUnavailable(f"{said}; {remedy}")
    return SourceUnavailable(said) if isinstance(error, _PASSING) else SourceNonsense(said)


def describe(error: DriverError) -> str:
    """The primary message alone: a server's details may quote rows."""
    if isinstance(error, asyncpg.PostgresError):
        return f"{error.args[0] if error.args else type(error).__name__} (SQLSTATE {error.sqlstate})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
