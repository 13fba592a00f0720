"""What others than poolmedic say: PostgreSQL's log and the Docker Engine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple

from deploy.demo.stage import Stage
from deploy.local.engine import Event
from deploy.local.postgres import MEDIC
from deploy.local.postgres_log import LogLine

STARTS = frozenset({"start", "restart", "die", "oom"})


class Start(NamedTuple):
    """One start of the application's container."""

    id: str
    at: str
    restarts: int


def ended_since(stage: Stage, since: datetime) -> list[LogLine]:
    """Every session that a command ended after that moment, once per time, by PostgreSQL's own log."""
    return [line for line in stage.stack.postgres.log.ended_sessions() if line.at >= since]


def cancelled_since(stage: Stage, since: datetime) -> list[LogLine]:
    """Every statement that was cancelled after that moment, by PostgreSQL's own log.

    Not those that the application gave up itself, or poolmedic in its own session: each has a time limit.
    """
    own = (stage.target, MEDIC)
    lines = stage.stack.postgres.log.cancelled_queries()
    return [line for line in lines if line.at >= since and line.application_name not in own]


def cancels_asked_since(stage: Stage, since: datetime) -> list[LogLine]:
    """Every cancel that poolmedic asked for after that moment, by what the server's function wrote down."""
    asked = [line for line in stage.stack.postgres.log.asked() if line.at >= since]
    return [line for line in asked if '"request" : "cancel_query"' in line.message]


async def container_start(stage: Stage, name: str) -> Start:
    """How often and when the engine started the container of this instance."""
    return await asyncio.to_thread(_inspect, stage, name)


async def starts_since(stage: Stage, name: str, since: datetime) -> list[Event]:
    """What the engine says happened to it that does not happen to a container which just goes on."""
    return await _events(stage, name, since, STARTS)


async def stops_since(stage: Stage, name: str, since: datetime) -> list[Event]:
    """When the engine asked it to end, however long it then took."""
    return await _events(stage, name, since, frozenset({"kill"}))


async def _events(stage: Stage, name: str, since: datetime, actions: frozenset[str]) -> list[Event]:
    events = await asyncio.to_thread(stage.stack.engine.events, name, since, datetime.now(UTC))
    return [event for event in events if event.action in actions]


def _inspect(stage: Stage, name: str) -> Start:
    with stage.stack.engine.client() as client:
        container = client.containers.get(name)
        return Start(
            str(container.id),
            str(container.attrs["State"]["StartedAt"]),
            int(container.attrs["RestartCount"]),
        )
