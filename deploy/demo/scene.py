"""One look at a drill from outside: the pool's own page, the users' answers, the incident as it stands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from deploy.demo.application import Application, Pool
from deploy.demo.incident import Incident
from deploy.demo.stage import Stage
from deploy.load.figures import Figures
from deploy.load.generator import Load
from workflows.models.approval import Request
from workflows.models.report import Report

RECENT = 3.0


@dataclass(frozen=True)
class Scene:
    """A pool is None where its instance's page did not answer; ``users``: the last answers."""

    at: datetime
    pool: Pool | None
    """Of the instance that breaks."""
    others: Mapping[str, Pool | None]
    users: Figures
    report: Report | None
    is_over: bool
    page_seconds: float
    """How long a pool's page took: how busy the machine is."""

    @property
    def pending(self) -> Request | None:
        """The request that waits for a person."""
        return self.report.pending if self.report else None


async def look(stage: Stage, load: Load, incident: Incident) -> Scene:
    """All of it now; never raises because a part is down."""
    began = time.monotonic()
    pools = [await _pool(each) for each in stage.applications]
    took = (time.monotonic() - began) / len(pools)
    others = dict(zip((each.name for each in stage.others), pools[1:], strict=True))
    report = await incident.look()
    users = load.summarize(last=RECENT)
    return Scene(datetime.now(UTC), pools[0], others, users, report, incident.is_over, took)


async def _pool(application: Application) -> Pool | None:
    try:
        return await application.pool()
    except httpx.HTTPError:
        return None
