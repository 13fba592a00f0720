"""What PostgreSQL itself wrote down: who connected, whose session was ended, and how.

Read from the server's JSON log, because an application name may hold anything and would
otherwise be able to imitate the fields of a text line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

ENDED_BY_COMMAND = "57P01"
QUERY_CANCELLED = "57014"
SERVER_GONE = "terminating connection due to unexpected postmaster exit"
"""Has the same code, and nobody asked for it."""


def _parse_time(text: object) -> object:
    """PostgreSQL writes a zone name that ISO 8601 does not know; the server is set to UTC."""
    return f"{text.removesuffix(' UTC')}+00:00" if isinstance(text, str) else text


type LogTime = Annotated[datetime, BeforeValidator(_parse_time)]


class LogLine(BaseModel, frozen=True):
    """One event. ``session_id`` names a session for good: its start (seconds) and pid, in hexadecimal."""

    at: LogTime = Field(alias="timestamp")
    pid: int | None = None
    session_id: str | None = None
    session_start: LogTime | None = None
    user: str | None = None
    database: str | None = Field(default=None, alias="dbname")
    application_name: str = ""
    severity: str = Field(alias="error_severity")
    sqlstate: str | None = Field(default=None, alias="state_code")
    message: str = ""
    statement: str | None = None
    backend_type: str | None = None


class PostgresLog:
    """Reads the log of one server; every call reads what is there now."""

    def __init__(self, folder: Path) -> None:
        self.text = folder / "postgres.log"
        self.file = folder / "postgres.json"

    def lines(self) -> Iterator[LogLine]:
        """Oldest first; a last line that is still being written is left for the next call."""
        if not self.file.exists():
            return
        with self.file.open(errors="replace") as file:
            for line in file:
                if line.endswith("\n"):
                    yield LogLine.model_validate_json(line)

    def ended_sessions(self) -> list[LogLine]:
        """Every session that an administrator's command ended, once per time that happened."""
        return [
            line
            for line in self.lines()
            if (line.severity, line.sqlstate) == ("FATAL", ENDED_BY_COMMAND) and line.message != SERVER_GONE
        ]

    def cancelled_queries(self) -> list[LogLine]:
        """Every statement that somebody's request or a timeout cancelled."""
        return [line for line in self.lines() if line.sqlstate == QUERY_CANCELLED]

    def asked(self) -> list[LogLine]:
        """What the functions of deploy/postgres wrote down about each request to them."""
        return [line for line in self.lines() if line.message.startswith("poolmedic ")]
