"""One look at a drill from outside: the pool's own page, the users' answers, the incident as it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from deploy.demo.application import Application, Pool
from deploy.demo.incident import Incident
from deploy.load.figures import Figures
from deploy.load.generator import Load
from workflows.models.approval import Request
from workflows.models.report import Report

RECENT = 3.0


@dataclass(frozen=True)
class Scene:
    """``pool`` is None where the application's page did not answer; ``users``: the last answers."""

    at: datetime
    pool: Pool | None
    users: Figures
    report: Report | None
    is_over: bool
    page_seconds: float
    """How long the pool's page took: how busy the machine is."""

    @property
    def pending(self) -> Request | None:
        """The request that waits for a person."""
        return self.report.pending if self.report else None


async def look(application: Application, load: Load, incident: Incident) -> Scene:
    """All of it now; never raises because a part is down."""
    began = time.monotonic()
    try:
        pool = await application.pool()
    except httpx.HTTPError:
        pool = None
    took = time.monotonic() - began
    report = await incident.look()
    return Scene(datetime.now(UTC), pool, load.summarize(last=RECENT), report, incident.is_over, took)
