"""PgBouncer in transaction mode before a PostgreSQL of this stack, as a user that is not root."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

import asyncpg

from deploy.local import postgres_home, probes
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import Postgres
from deploy.local.process import Command, Process
from deploy.local.prometheus import find_program
from deploy.local.state import State

SECONDS_TO_START = 30.0
CONSOLE = "pgbouncer"
"""The database, and the user, by which PgBouncer tells about itself."""
CONFIGURATION = "pgbouncer.ini"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``pool_size`` is of each pair of database and user."""

    pool_size: int = 3
    name: str = "pgbouncer"


@dataclass(frozen=True)
class PgBouncer:
    """A running one; the application's role logs in as it does to PostgreSQL."""

    process: Process
    postgres: Postgres
    port: int

    @property
    def application_dsn(self) -> str:
        return self._dsn(self.postgres.settings.application_role, self.postgres.settings.database)

    @property
    def console_dsn(self) -> str:
        return self._dsn(CONSOLE, CONSOLE)

    def password(self, user: str) -> str:
        state, settings = self.postgres.state, self.postgres.settings
        return self.postgres.password(user) if user == settings.application_role else state.secret(user)

    def _dsn(self, user: str, database: str) -> str:
        return f"postgresql://{quote(user)}:{quote(self.password(user))}@{LOOPBACK}:{self.port}/{database}"


@contextlib.asynccontextmanager
async def serve(state: State, postgres: Postgres, settings: Settings) -> AsyncIterator[PgBouncer]:
    """Run it until the block ends; raises StackError if it does not come up."""
    home = postgres_home.prepare(state, settings.name)
    command = Command(
        name=settings.name,
        arguments=[find_program("pgbouncer"), home.folder / CONFIGURATION],
        user=home.user,
        directory=home.folder,
    )
    bouncer = PgBouncer(Process(state, command), postgres, state.port(settings.name))
    try:
        _configure(bouncer, home, settings)
        bouncer.process.start()
        await bouncer.process.wait_ready(_takes_queries(bouncer), SECONDS_TO_START)
        yield bouncer
    finally:
        await bouncer.process.stop()
        home.discard(state.folder / settings.name)


def _configure(bouncer: PgBouncer, home: postgres_home.Home, settings: Settings) -> None:
    postgres, users = bouncer.postgres, home.folder / "users.txt"
    known = (postgres.settings.application_role, CONSOLE)
    options = {
        "listen_addr": LOOPBACK,
        "listen_port": bouncer.port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": users,
        "stats_users": CONSOLE,
        "pool_mode": "transaction",
        "default_pool_size": settings.pool_size,
    }
    lines = ["[databases]", f"{postgres.settings.database} = host={postgres.host} port={postgres.port}"]
    lines += ["[pgbouncer]", *(f"{key} = {value}" for key, value in options.items()), ""]
    for file, text in (
        (users, "".join(f'"{user}" "{bouncer.password(user)}"\n' for user in known)),
        (home.folder / CONFIGURATION, "\n".join(lines)),
    ):
        file.touch(mode=0o600)
        file.write_text(text)
        home.give_to_user(file)


def _takes_queries(bouncer: PgBouncer) -> probes.Probe:
    async def ask() -> str | None:
        try:
            connection = await asyncpg.connect(
                bouncer.application_dsn, timeout=probes.SECONDS_TO_ANSWER, statement_cache_size=0
            )
        except (OSError, asyncpg.PostgresError, TimeoutError) as exc:
            return f"{type(exc).__name__}: {exc}"
        await connection.close()
        return None

    return ask
