"""The application as a source: its own pages, asked over HTTP, per instance."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import override

import httpx
from temporalio import activity

from activities.attempt import attempt
from activities.health_page import Health
from activities.http_source import LIMIT
from activities.own_pages import OwnPages
from activities.own_pool import OwnPool
from activities.profiles.profile import Profile
from workflows import verification
from workflows.errors import NotConfigured, PoolmedicError
from workflows.models.evidence import ApplicationPage, ApplicationReading
from workflows.models.reading import Known, Reading, Unavailable, value_of
from workflows.models.target import Instance, Target
from workflows.ports.activities import Application
from workflows.ports.requests import Look

BETWEEN_LOOKS = 0.5
FULL_POOL = timedelta(milliseconds=150)
"""How long a query may take that has no free connection to go to: people wait for what it proves.

Longer than anybody should wait for a connection (runbook, success criteria: 100 ms).
"""


class HttpApplication(Application):
    """All instances side by side; the whole takes no longer than `limit`.

    A query through the pool that was not answered within `limit` counts as not answered.
    """

    def __init__(
        self, client: httpx.AsyncClient, profiles: Mapping[str, Profile], *, limit: timedelta = LIMIT
    ) -> None:
        self._client = client
        self._profiles = profiles
        self._limit = limit

    @activity.defn
    @override
    async def read_application(self, look: Look) -> ApplicationReading:
        """Raises NotConfigured where the worker has no such profile; all else is in the reading."""
        target = look.target
        if target.profile not in self._profiles:
            raise NotConfigured(f"this worker has no metric profile {target.profile}")
        profile = self._profiles[target.profile]
        await asyncio.sleep(look.settle.total_seconds())
        deadline = monotonic() + look.patience.total_seconds()
        while True:
            reading = await self._read_all(target, profile)
            now = datetime.now(UTC)
            is_free = verification.is_free(Known(value=reading, at=now), target, look.policy)
            if is_free or monotonic() + BETWEEN_LOOKS > deadline:
                return reading
            await asyncio.sleep(BETWEEN_LOOKS)

    async def _read_all(self, target: Target, profile: Profile) -> ApplicationReading:
        pages = await asyncio.gather(*(self._read(each, profile) for each in target.instances))
        names = [instance.name for instance in target.instances]
        return ApplicationReading(instances=dict(zip(names, pages, strict=True)))

    async def _read(self, instance: Instance, profile: Profile) -> Reading[ApplicationPage]:
        pages = OwnPages(self._client, instance, profile, self._limit)
        health, (pool, probe) = await asyncio.gather(attempt(pages.health()), self._read_pool(pages))
        if (
            isinstance(health, PoolmedicError)
            and isinstance(pool, PoolmedicError)
            and isinstance(probe, PoolmedicError)
        ):
            return Unavailable(reason=health.message)
        return Known(value=_compose(health, pool, probe), at=datetime.now(UTC))

    async def _read_pool(
        self, pages: OwnPages
    ) -> tuple[OwnPool | PoolmedicError, Reading[float] | PoolmedicError]:
        """The probe comes after the pool's numbers: it takes a connection, and must not be counted in them.

        A pool page that is slow holds it up for half of the limit at most.
        """
        began, numbers = monotonic(), asyncio.create_task(attempt(pages.pool()))
        try:
            await asyncio.wait({numbers}, timeout=self._limit.total_seconds() / 2)
            left = self._limit - timedelta(seconds=monotonic() - began)
            if numbers.done() and _is_full(numbers.result()):
                left = min(left, FULL_POOL)
            probe = await attempt(pages.probe(left))
            return await numbers, probe
        finally:
            numbers.cancel()


def _is_full(pool: OwnPool | PoolmedicError) -> bool:
    state = value_of(pool.pool) if isinstance(pool, OwnPool) else None
    return state is not None and state.active >= state.size


def _compose(
    health: Health | PoolmedicError, pool: OwnPool | PoolmedicError, probe: Reading[float] | PoolmedicError
) -> ApplicationPage:
    word = Health(f"unavailable: {health.message}", {}) if isinstance(health, PoolmedicError) else health
    own = OwnPool.unavailable(pool.message) if isinstance(pool, PoolmedicError) else pool
    return ApplicationPage(
        status=word.status,
        checks=word.checks,
        pool=own.pool,
        timeouts_total=own.timeouts_total,
        generation=own.generation,
        probe_seconds=Unavailable(reason=probe.message) if isinstance(probe, PoolmedicError) else probe,
        started_at=own.started_at,
    )
