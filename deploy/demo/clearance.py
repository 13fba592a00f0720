"""What a drill leaves behind is put out of the way before the next: by hand, past poolmedic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import httpx
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from deploy.demo.faults import EXHAUSTED
from deploy.demo.migration import waiting
from deploy.demo.stage import Stage
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.postgres_roles import connected

END = "SELECT count(pg_terminate_backend(pid)) FROM unnest($1::int[]) AS pid"


async def in_the_way(stage: Stage) -> list[int]:
    """Server processes of what was forgotten, and of a migration that waits."""
    forgotten = [pid for each in stage.applications for pid in await each.forgotten()]
    return [*forgotten, *await waiting(stage.stack.postgres)]


async def end_sessions(server: Postgres, pids: Iterable[int]) -> None:
    """As a person with all rights would."""
    async with connected(server, SUPERUSER) as connection:
        await connection.fetchval(END, list(pids))


async def fires(stage: Stage) -> bool:
    """Whether Alertmanager has the alert of an exhausted pool."""
    return await alerted_at(stage) is not None


async def alerted_at(stage: Stage) -> datetime | None:
    """Since when Alertmanager has the alert of an exhausted pool; None while it has none."""
    url = f"{stage.stack.alertmanager.url}/api/v2/alerts"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url, params={"filter": f'alertname="{EXHAUSTED}"'})
    starts = [datetime.fromisoformat(each["startsAt"]) for each in answer.raise_for_status().json()]
    return min(starts, default=None)


async def terminate(client: Client, workflow_id: str) -> None:
    """Its open run, if there is one."""
    try:
        await client.get_workflow_handle(workflow_id).terminate("the drill is over")
    except RPCError as gone:
        if gone.status is not RPCStatusCode.NOT_FOUND:
            raise
