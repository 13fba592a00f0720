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
from workflows.models.evidence import ApplicationPage, ApplicationReading, Checkout, OwnQuery
from workflows.models.reading import Known, Reading, Unavailable, value_of
from workflows.models.target import Instance
from workflows.ports.activities import Application
from workflows.ports.requests import Look

type Queries = Reading[tuple[OwnQuery, ...]] | None

BETWEEN_LOOKS = 0.5
FULL_POOL = timedelta(milliseconds=150)
"""How long a query may take that has no free connection to go to: people wait for what it proves.

Longer than anybody should wait for a connection (runbook, success criteria: 100 ms).
"""
FOR_A_HINT = timedelta(seconds=1)
"""How long is waited for what no decision needs."""


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
            reading = await self._read_all(look, profile)
            now = datetime.now(UTC)
            is_free = verification.is_free(Known(value=reading, at=now), target, look.policy)
            if is_free or monotonic() + BETWEEN_LOOKS > deadline:
                return reading
            await asyncio.sleep(BETWEEN_LOOKS)

    async def _read_all(self, look: Look, profile: Profile) -> ApplicationReading:
        instances = look.target.instances
        pages = await asyncio.gather(*(self._read(each, profile, hints=look.hints) for each in instances))
        names = [instance.name for instance in instances]
        return ApplicationReading(instances=dict(zip(names, pages, strict=True)))

    async def _read(self, instance: Instance, profile: Profile, *, hints: bool) -> Reading[ApplicationPage]:
        pages = OwnPages(self._client, instance, profile, self._limit)
        health, (pool, probe, queries) = await asyncio.gather(
            attempt(pages.health()), self._read_pool(pages, hints=hints)
        )
        if (
            isinstance(health, PoolmedicError)
            and isinstance(pool, PoolmedicError)
            and isinstance(probe, PoolmedicError)
        ):
            return Unavailable(reason=health.message)
        page = _compose(health, pool, probe)
        told = {"checkouts": _checkouts(pool, profile), "queries": queries} if hints else {}
        return Known(value=page.model_copy(update=told), at=datetime.now(UTC))

    async def _read_pool(
        self, pages: OwnPages, *, hints: bool
    ) -> tuple[OwnPool | PoolmedicError, Reading[float] | PoolmedicError, Queries]:
        """The probe comes after the pool's numbers: it takes a connection, and must not be counted in them.

        Nor must the page of the queries, a request under way. A pool page that is slow holds both up for half
        of the limit at most.
        """
        began, numbers = monotonic(), asyncio.create_task(attempt(pages.pool()))
        try:
            await asyncio.wait({numbers}, timeout=self._limit.total_seconds() / 2)
            left = self._limit - timedelta(seconds=monotonic() - began)
            if numbers.done() and _is_full(numbers.result()):
                left = min(left, FULL_POOL)
            most = min(self._limit - timedelta(seconds=monotonic() - began), FOR_A_HINT)
            probe, queries = await asyncio.gather(
                attempt(pages.probe(left)), pages.queries(most) if hints else _not_asked()
            )
            return await numbers, probe, queries
        finally:
            numbers.cancel()


async def _not_asked() -> None:
    """In the place of a page that nobody needs in this look."""


def _checkouts(pool: OwnPool | PoolmedicError, profile: Profile) -> Reading[tuple[Checkout, ...]] | None:
    page = profile.pages.pool
    if page is None or page.checkouts is None:
        return None
    return Unavailable(reason=pool.message) if isinstance(pool, PoolmedicError) else pool.checkouts


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
