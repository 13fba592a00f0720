"""PostgreSQL 18 with pg_stat_statements, an application's role and ours, as a user that is not root."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT
from urllib.parse import quote

import asyncpg

from deploy.local import postgres_home, postgres_roles, probes
from deploy.local.errors import StackError
from deploy.local.ports import LOOPBACK
from deploy.local.postgres_log import PostgresLog
from deploy.local.process import Command, Process
from deploy.local.state import State

SECONDS_TO_START = 60.0
SUPERUSER = "postgres"
MEDIC = "poolmedic"


class InitFailed(StackError):
    """initdb refused; the message holds what it said."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``roles`` are further login roles without rights, for decoys; ``options`` go to the server as such."""

    database: str = "covetpy"
    application_role: str = "covetpy"
    roles: tuple[str, ...] = ()
    max_connections: int = 60
    reserved_connections: int = 3
    superuser_reserved_connections: int = 3
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = "postgres"


@dataclass(frozen=True)
class Postgres:
    """A running server. Its log is what says from outside who ended which session."""

    process: Process
    state: State
    settings: Settings
    port: int
    log: PostgresLog
    host: str = LOOPBACK

    def password(self, role: str) -> str:
        return self.state.secret(f"{self.settings.name}-{role}")

    def dsn(self, role: str, database: str | None = None) -> str:
        """URL for this role, password included: hand it to a client, never to a log."""
        where = f"{self.host}:{self.port}/{quote(database or self.settings.database)}"
        return f"postgresql://{quote(role)}:{quote(self.password(role))}@{where}"

    @property
    def superuser_dsn(self) -> str:
        return self.dsn(SUPERUSER)

    @property
    def application_dsn(self) -> str:
        return self.dsn(self.settings.application_role)

    @property
    def medic_dsn(self) -> str:
        """The least-privileged role of deploy/postgres, as the worker uses it."""
        return self.dsn(MEDIC)

    @property
    def index_dsn(self) -> str:
        """The login that may create indexes on the application's tables."""
        return self.dsn(postgres_roles.INDEXER)


@contextlib.asynccontextmanager
async def serve(state: State, settings: Settings) -> AsyncIterator[Postgres]:
    """Run a new, empty server until the block ends; raises StackError if it does not come up."""
    home = postgres_home.prepare(state, settings.name)
    try:
        await asyncio.to_thread(_initialise, home, state.secret(f"{settings.name}-{SUPERUSER}"))
        port = state.port(settings.name)
        process = Process(state, _command(home, settings, port))
        server = Postgres(process, state, settings, port, PostgresLog(home.logs))
        try:
            await start(server)
            await postgres_roles.create(server)
            yield server
        finally:
            await process.stop()
    finally:
        home.discard(state.folder / settings.name)


async def start(server: Postgres) -> None:
    """Start the process, again if need be, and return once it takes a superuser's query."""
    server.process.start()
    await server.process.wait_ready(_takes_queries(server), SECONDS_TO_START)


def _takes_queries(server: Postgres) -> probes.Probe:
    async def ask() -> str | None:
        try:
            connection = await asyncpg.connect(
                server.dsn(SUPERUSER, SUPERUSER), timeout=probes.SECONDS_TO_ANSWER
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as exc:
            return f"{type(exc).__name__}: {exc}"
        try:
            await connection.fetchval("SELECT 1")
        finally:
            await connection.close()
        return None

    return ask


def _initialise(home: postgres_home.Home, password: str) -> None:
    home.password_file.write_text(password)
    home.give_to_user(home.password_file)
    line: list[str | Path] = [
        home.program("initdb"),
        "-D",
        home.data,
        "-U",
        SUPERUSER,
        "--pwfile",
        home.password_file,
    ]
    line += [
        "--auth",
        "scram-sha-256",
        "--encoding",
        "UTF8",
        "--locale-provider",
        "builtin",
        "--locale",
        "C.UTF-8",
    ]
    done = subprocess.run(
        [*line, "--no-instructions", "--no-sync"],
        user=home.user,
        cwd=home.folder,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=False,
    )
    home.password_file.unlink()
    if done.returncode != 0:
        raise InitFailed(f"initdb ended with {done.returncode}: {done.stderr.strip()}")


def _command(home: postgres_home.Home, settings: Settings, port: int) -> Command:
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": str(settings.max_connections),
        "reserved_connections": str(settings.reserved_connections),
        "superuser_reserved_connections": str(settings.superuser_reserved_connections),
        "shared_preload_libraries": "pg_stat_statements",
        "log_destination": "stderr,jsonlog",
        "logging_collector": "on",
        "log_directory": str(home.logs),
        "log_filename": "postgres.log",
        "log_rotation_age": "0",
        "log_rotation_size": "0",
        "log_line_prefix": "%m [%p] %c app=%a user=%u db=%d ",
        "log_connections": "on",
        "log_disconnections": "on",
        "log_timezone": "UTC",
        "timezone": "UTC",
        # A drill's data need not survive a power cut.
        "fsync": "off",
        **settings.options,
    }
    line: list[str | Path] = [home.program("postgres"), "-D", home.data]
    for option, value in options.items():
        line += ["-c", f"{option}={value}"]
    environment = {"LANG": "C.UTF-8", "HOME": str(home.folder)}
    return Command(
        name=settings.name,
        arguments=line,
        user=home.user,
        directory=home.folder,
        environment=environment,
        stop_signal=SIGINT,
    )
