"""An instance's own pages, asked while an act on it is under way: its health, its pool's size and use."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx

from activities.http_source import Answer, HttpSource, describe_status, name_of
from activities.missing import Missing, count
from activities.own_pages import OwnPages
from activities.pointer import parse, resolve
from activities.profiles.profile import PoolPage, Profile
from workflows.errors import NotConfigured, PoolmedicError, SourceNonsense, SourceUnavailable
from workflows.models.evidence import PoolState
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Instance, Target

MOST_BYTES = 1024 * 1024
LIMIT = timedelta(seconds=2)


class PoolNow(NamedTuple):
    """What the instance says of its pool: effective maximum, and the generation of its configuration."""

    size: int
    generation: int | None


class InstancePages:
    """Asked from threads that act, without proxies; every answer ends within `LIMIT`. `profiles` by name."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        self._trusted = httpx.create_ssl_context(trust_env=False)

    def illness(self, target: Target, instance: Instance) -> str | None:
        """Why the health page does not say 200, or None when it does."""
        path = self._profile(target).pages.health.path
        try:
            status, _ = self._ask(instance, path)
        except (SourceUnavailable, SourceNonsense) as exc:
            return exc.message
        is_healthy = status == HTTPStatus.OK
        return None if is_healthy else f"{_name(instance, path)} answered {describe_status(status)}"

    def pool(self, target: Target, instance: Instance) -> PoolNow:
        """Raises SourceUnavailable, SourceNonsense, or NotConfigured where the profile has no such page."""
        page = self.pool_page(target)
        status, body = self._ask(instance, page.path)
        if status != HTTPStatus.OK:
            raise SourceUnavailable(f"{_name(instance, page.path)} answered {describe_status(status)}")
        try:
            return _read_pool(parse(body), page)
        except Missing as exc:
            name = _name(instance, page.path)
            raise SourceNonsense(f"{name} does not show the pool as profile {target.profile} says") from exc

    def pool_page(self, target: Target) -> PoolPage:
        """Where the size is read; raises NotConfigured where the profile does not say."""
        page = self._profile(target).pages.pool
        if page is None:
            raise NotConfigured(
                f"profile {target.profile} names no pool page: a new size could not be checked"
            )
        return page

    def usage(self, target: Target, instance: Instance) -> Known[PoolState] | Unavailable:
        """How full it is, from whichever page the look before the act had it from, within `LIMIT` in all."""
        try:
            profile = self._profile(target)
            own = _wait_for(
                self._with_client(lambda client: OwnPages(client, instance, profile, LIMIT).pool())
            )
        except PoolmedicError as exc:
            return Unavailable(reason=exc.message)
        return own.pool

    def _profile(self, target: Target) -> Profile:
        try:
            return self._profiles[target.profile]
        except KeyError:
            raise NotConfigured(f"there is no metric profile {target.profile}") from None

    def _ask(self, instance: Instance, path: str) -> tuple[int, bytes]:
        async def get(client: httpx.AsyncClient) -> Answer:
            source = HttpSource(client, _name(instance, path), LIMIT, MOST_BYTES)
            return await source.get(f"{str(instance.url).rstrip('/')}{path}")

        answer = _wait_for(self._with_client(get))
        return answer.status, answer.body

    async def _with_client[T](self, ask: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        async with httpx.AsyncClient(verify=self._trusted, trust_env=False) as client:
            return await ask(client)


def _wait_for[T](answer: Coroutine[Any, Any, T]) -> T:
    # Only a loop has one limit over everything, the answer's head and a host's name included. It is not
    # `asyncio.run`'s: that waits at its end for a name that is still looked up.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(answer)
    finally:
        loop.close()


def _name(instance: Instance, path: str) -> str:
    return f"{name_of(instance.name, str(instance.url))} {path}"


def _read_pool(document: object, page: PoolPage) -> PoolNow:
    generation = (
        None if page.generation is None else count(resolve(document, page.generation), page.generation)
    )
    return PoolNow(size=count(resolve(document, page.size), page.size), generation=generation)
