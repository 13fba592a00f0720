"""Sessions of the drilled database by what names them for good, whatever becomes of their pids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.postgres_log import LogLine
from deploy.local.postgres_roles import connected

STARTS = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = ANY($1::int[])"


class SessionId(NamedTuple):
    """A session as the server's log names it."""

    start: int
    pid: int

    @classmethod
    def logged(cls, line: LogLine) -> SessionId:
        """Of a line of the log; raises ValueError if it is no session's."""
        start, _, pid = (line.session_id or "").partition(".")
        return cls(int(start, 16), int(pid, 16))


async def identify(server: Postgres, pids: Sequence[int]) -> list[SessionId]:
    """The sessions that have these pids now; one that has ended is left out."""
    async with connected(server, SUPERUSER) as connection:
        rows = await connection.fetch(STARTS, list(pids))
    return [SessionId(int(row["backend_start"].timestamp()), row["pid"]) for row in rows]
