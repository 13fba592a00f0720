"""Is the process alive, and could it do its work: pages without a token, because they say nothing else."""

import asyncio
import time
from datetime import datetime, timedelta

from fastapi import APIRouter, Response, status
from pydantic import BaseModel
from temporalio.client import Client
from temporalio.service import RPCError

from worker.task_queue import LONGEST_SILENCE, last_polled
from worker.temporal import Unreachable, reaching

PATIENCE = 2.0
KEPT = 1.0
"""Seconds an answer stands: a page without a token must not become load on Temporal."""


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """What the process needs from others."""

    temporal: bool
    """Temporal answers."""
    worker: bool
    """This process runs incidents; where it only takes alerts: at least one other does."""


class Probes:
    """Asks Temporal, at most once a second however many ask."""

    def __init__(self, client: Client, task_queue: str, working: asyncio.Event | None) -> None:
        self._client, self._task_queue, self._working = client, task_queue, working
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._last = Readiness(temporal=False, worker=False)
        self._polled_at: datetime | None = None
        self._noted_at = float("-inf")

    def router(self) -> APIRouter:
        """`/healthz` and `/readyz`."""
        router = APIRouter(tags=["health"])
        router.add_api_route("/healthz", self.live, summary="The process is alive")
        router.add_api_route(
            "/readyz",
            self.ready,
            summary="It can do its work",
            responses={503: {"model": Readiness, "description": "Temporal or a worker is missing."}},
        )
        return router

    async def live(self) -> Health:
        """200 as long as the process can answer."""
        return Health()

    async def ready(self, response: Response) -> Readiness:
        """200 when Temporal is reached and a worker polls, else 503 that says which is missing."""
        found = await self.read()
        if not (found.temporal and found.worker):
            response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return found

    async def read(self) -> Readiness:
        """What is there now, or was a second ago."""
        async with self._lock:
            if time.monotonic() - self._asked_at > KEPT:
                self._last, self._asked_at = await self._ask(), time.monotonic()
        return self._last

    async def _ask(self) -> Readiness:
        try:
            async with reaching(PATIENCE):
                self._note(await last_polled(self._client, self._task_queue, timedelta(seconds=PATIENCE)))
        except (RPCError, Unreachable):
            return Readiness(temporal=False, worker=False)
        # Temporal names a worker that has just died for a while: that one does not make this process ready.
        is_working = self._working is None or self._working.is_set()
        return Readiness(temporal=True, worker=is_working and self._is_asked)

    def _note(self, polled_at: datetime | None) -> None:
        if polled_at != self._polled_at:
            self._polled_at, self._noted_at = polled_at, time.monotonic()

    @property
    def _is_asked(self) -> bool:
        """By how long nothing new was said, since this host's clock may be another one than Temporal's."""
        is_fresh = time.monotonic() - self._noted_at < LONGEST_SILENCE.total_seconds()
        return self._polled_at is not None and is_fresh
