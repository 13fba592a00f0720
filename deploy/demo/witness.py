"""What others than poolmedic say: PostgreSQL's log and catalogue, and the Docker Engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from deploy.demo.stage import Stage
from deploy.local.engine import Event
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_log import LogLine
from deploy.local.postgres_roles import connected

STARTS = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = ANY($1::int[])"


class SessionId(NamedTuple):
    """A session as the server's log names it for good, whatever becomes of the pid."""

    start: int
    pid: int

    @classmethod
    def logged(cls, line: LogLine) -> SessionId:
        """Of a line of the log; raises ValueError if it is no session's."""
        start, _, pid = (line.session_id or "").partition(".")
        return cls(int(start, 16), int(pid, 16))


class Start(NamedTuple):
    """One start of the application's container."""

    id: str
    at: str
    restarts: int


async def identify(stage: Stage, pids: Sequence[int]) -> list[SessionId]:
    """The sessions that have these pids now; one that has ended is left out."""
    async with connected(stage.stack.postgres, SUPERUSER) as connection:
        rows = await connection.fetch(STARTS, list(pids))
    return [SessionId(int(row["backend_start"].timestamp()), row["pid"]) for row in rows]


def ended_since(stage: Stage, since: datetime) -> list[LogLine]:
    """Every session that a command ended after that moment, once per time, by PostgreSQL's own log."""
    return [line for line in stage.stack.postgres.log.ended_sessions() if line.at >= since]


async def container_start(stage: Stage) -> Start:
    """How often and when the engine started the application's container."""
    return await asyncio.to_thread(_inspect, stage)


async def container_events(stage: Stage, since: datetime, until: datetime) -> list[Event]:
    """What the engine says happened to it."""
    name = stage.application.target.container.name
    return await asyncio.to_thread(stage.stack.engine.events, name, since, until)


def _inspect(stage: Stage) -> Start:
    with stage.stack.engine.client() as client:
        container = client.containers.get(stage.application.target.container.name)
        return Start(
            str(container.id),
            str(container.attrs["State"]["StartedAt"]),
            int(container.attrs["RestartCount"]),
        )
