"""What poolmedic's logins send, by the server's own log, and whether it can change anything."""

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from deploy.local import probes
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.postgres_roles import INDEXER, MEDIC, connected

LOGGED = re.compile(r"(?:statement|execute [^:]*): (.*)", re.DOTALL)
READING = re.compile(
    r"(?:SELECT|WITH|SHOW|BEGIN READ ONLY|BEGIN ISOLATION LEVEL [A-Z ]+ READ ONLY|COMMIT|ROLLBACK|"
    r"PREPARE slow_query AS|EXPLAIN \(VERBOSE, FORMAT JSON\) EXECUTE)\b"
)
"""How a statement begins that changes nothing. PREPARE runs nothing, and neither does this EXPLAIN."""
WRITING = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|INTO|CREATE|ALTER|DROP|TRUNCATE|LOCK|GRANT|CALL|DO)\b")
APART = re.compile(r"--[^\n]*|/\*.*?\*/|(E?'(?:[^'\\]|''|\\.)*')", re.DOTALL)
"""Comments, and as a group literals."""
HARMLESS = {
    "clock_timestamp", "set_config", "pg_blocking_pids", "pg_current_wal_lsn", "pg_last_wal_replay_lsn",
    "pg_is_in_recovery", "pg_control_system", "pg_table_size",
}  # fmt: skip
"""Those that the server calls volatile, and that change nothing but this very session."""
OWN_SETTINGS = {"statement_timeout", "search_path", "plan_cache_mode", "jit"}
VOLATILE = "SELECT DISTINCT proname::text FROM pg_proc WHERE provolatile = 'v'"
SECONDS_TO_BE_WRITTEN = 10.0


@dataclass(frozen=True)
class Statement:
    """What one of the logins sent, and when."""

    at: datetime
    role: str
    text: str


@dataclass
class StatementLog:
    """What was sent since a time."""

    server: Postgres
    volatile: frozenset[str]
    """Functions that may change something, by the server's own catalogue."""
    since: datetime

    async def read(self) -> list[Statement]:
        """Everything so far; the server's log is waited for."""
        mark = uuid.uuid4().hex
        async with connected(self.server, SUPERUSER) as connection:
            await connection.execute(f"DO $$BEGIN RAISE LOG '{mark}'; END$$")

        async def ask() -> str | None:
            is_there = any(line.message == mark for line in self.server.log.lines())
            return None if is_there else "not written yet"

        assert await probes.until(ask, SECONDS_TO_BE_WRITTEN) is None
        return [
            Statement(line.at, line.user, found[1])
            for line in self.server.log.lines()
            if line.user in (MEDIC, INDEXER) and line.at >= self.since
            if (found := LOGGED.fullmatch(line.message))
        ]

    def offence(self, text: str) -> str | None:
        """What it could change; None where it can't."""
        bare = APART.sub(lambda found: "''" if found[1] else " ", text).strip().removesuffix(";")
        if not READING.match(bare) or ";" in bare:
            return f"is no reading: {bare[:60]}"
        if not bare.startswith("PREPARE") and (found := WRITING.search(bare.upper())):
            return f"holds {found[0]}"
        called = set(re.findall(r"\b([a-z_]\w*)\s*\(", bare)) & self.volatile
        if called - HARMLESS:
            return f"calls {sorted(called - HARMLESS)}"
        settings = set(re.findall(r"set_config\(\s*'(\w+)'", text))
        if text.count("set_config(") != len(settings) or settings - OWN_SETTINGS:
            return f"sets {sorted(settings)}"
        return None

    async def offences(self) -> list[str]:
        """Everything that was sent and could have changed something."""
        sent = await self.read()
        return [f"{each.role}: {found}" for each in sent if (found := self.offence(each.text))]


@asynccontextmanager
async def recorded(server: Postgres) -> AsyncIterator[StatementLog]:
    """For the block: all that poolmedic's logins send on connections that they open from now on is logged."""
    async with connected(server, server.settings.database) as connection:
        for role in (MEDIC, INDEXER):
            await connection.execute(f"ALTER ROLE {role} SET log_statement = 'all'")
        volatile = frozenset(row[0] for row in await connection.fetch(VOLATILE))
        # As the log has it: in milliseconds.
        since = await connection.fetchval("SELECT date_trunc('milliseconds', clock_timestamp())")
    try:
        yield StatementLog(server, volatile, since)
    finally:
        async with connected(server, SUPERUSER) as connection:
            for role in (MEDIC, INDEXER):
                await connection.execute(f"ALTER ROLE {role} RESET log_statement")
