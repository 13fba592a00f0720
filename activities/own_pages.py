"""The pages of one instance: what is asked where, and what stands in for what is missing."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from activities import health_page, own_monitors, own_pool
from activities.exposition import Excessive, Exposition
from activities.health_page import Health
from activities.http_source import Answer, HttpSource, name_of
from activities.missing import Missing
from activities.own_pool import OwnPool
from activities.profiles.profile import Profile
from workflows.errors import PoolmedicError, SourceNonsense
from workflows.models.evidence import OwnQuery
from workflows.models.reading import Known, Reading, Unavailable
from workflows.models.target import Instance

FIRST_SUCCESS, FIRST_REDIRECT = 200, 300


class OwnPages:
    """Asked once, for one reading; every method ends within `limit`."""

    def __init__(
        self, client: httpx.AsyncClient, instance: Instance, profile: Profile, limit: timedelta
    ) -> None:
        address = str(instance.url)
        self._source = HttpSource(client, name_of(instance.name, address), limit)
        self._url = address.rstrip("/")
        self._profile = profile
        self._limit = limit

    async def health(self) -> Health:
        """The health page's word, also of a 503 with a body; raises SourceUnavailable without an answer."""
        page = self._profile.pages.health
        return health_page.read(await self._source.get(self._url + page.path), page)

    async def probe(self, within: timedelta) -> Reading[float]:
        """Seconds that a query through the pool took; raises SourceUnavailable without an answer."""
        answer = await self._source.get(self._url + self._profile.pages.probe.path, within=within)
        if not _is_success(answer):
            refusal = self._source.refusal(answer)
            return Unavailable(reason=f"the query through the pool failed: {refusal.message}")
        return Known(value=answer.seconds, at=datetime.now(UTC))

    async def pool(self) -> OwnPool:
        """From the pool page; if there is none, or it can't be read, from the metrics page.

        Raises what the pool page raised, when neither can be read; where the metrics page is too much to be
        read, that is told beside it.
        """
        began = time.monotonic()
        try:
            return await self._ask_pool_page()
        except PoolmedicError as failure:
            left = self._limit - timedelta(seconds=time.monotonic() - began)
            try:
                stand_in = await self._ask_metrics(left)
            except SourceNonsense as excess:
                raise failure.reworded(f"{failure.message}; {excess.message}") from None
            if stand_in is None:
                raise failure from None
            return replace(stand_in, checkouts=Unavailable(reason=failure.message))

    async def queries(self, within: timedelta) -> Reading[tuple[OwnQuery, ...]] | None:
        """The slowest by the application's own query monitor; None where the profile names none."""
        page = self._profile.pages.queries
        if page is None:
            return None
        try:
            answer = self._accept(await self._source.get(self._url + page.path, within=within))
            return own_monitors.queries(answer.body, page, datetime.now(UTC))
        except PoolmedicError as failure:
            return Unavailable(reason=f"{page.path}: {failure.message}")
        except Missing as missing:
            return Unavailable(reason=f"{self._source.name} {page.path}: {missing}")

    async def _ask_pool_page(self) -> OwnPool:
        page = self._profile.pages.pool
        if page is None:
            raise SourceNonsense(self._profile.lacks("pages.pool"))
        answer = self._accept(await self._source.get(self._url + page.path))
        try:
            found = own_pool.read_page(answer.body, page, datetime.now(UTC))
        except Missing as missing:
            raise SourceNonsense(f"{self._source.name}: {missing}") from missing
        if isinstance(found.pool, Unavailable):
            raise SourceNonsense(f"{self._source.name}: {found.pool.reason}")
        return found

    async def _ask_metrics(self, within: timedelta) -> OwnPool | None:
        page = self._profile.pages.metrics
        if page is None:
            return None
        try:
            answer = self._accept(await self._source.get(self._url + page.path, within=within))
            exposition = await asyncio.to_thread(Exposition, answer.body, self._profile)
            found = own_pool.read_metrics(exposition, datetime.now(UTC))
        except Excessive as excess:
            raise SourceNonsense(
                f"{self._source.name}: its metrics page {page.path} {excess} with names of the profile; "
                "give these metrics fewer labels, or the profile a pool page"
            ) from None
        except (PoolmedicError, Missing):
            return None
        return None if isinstance(found.pool, Unavailable) else found

    def _accept(self, answer: Answer) -> Answer:
        if not _is_success(answer):
            raise self._source.refusal(answer)
        return answer


def _is_success(answer: Answer) -> bool:
    return FIRST_SUCCESS <= answer.status < FIRST_REDIRECT
