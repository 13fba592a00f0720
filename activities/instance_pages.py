"""An instance's own pages, asked while an act on it is under way: is it healthy, how large is its pool."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

import httpx

from activities.missing import Missing, count
from activities.pointer import parse, resolve
from activities.profiles.profile import PoolPage, Profile
from activities.untrusted import clean
from workflows.errors import NotConfigured, SourceNonsense, SourceUnavailable
from workflows.models.target import Instance, Target

MOST_BYTES = 1024 * 1024
SECONDS_TO_ANSWER = 2.0


class PoolNow(NamedTuple):
    """What the instance says of its pool: effective maximum, and the generation of its configuration."""

    size: int
    generation: int | None


class InstancePages:
    """Asks with a client of its own, which knows no proxies; `profiles` by name."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        self._client = httpx.Client(timeout=SECONDS_TO_ANSWER, trust_env=False)

    def close(self) -> None:
        """Close the client for good."""
        self._client.close()

    def illness(self, target: Target, instance: Instance) -> str | None:
        """Why the health page does not say 200, or None when it does."""
        url = _address(instance, self._profile(target).pages.health.path)
        try:
            status, _ = self._ask(url)
        except (SourceUnavailable, SourceNonsense) as exc:
            return exc.message
        return None if status == HTTPStatus.OK else f"{url} answered {status}"

    def pool(self, target: Target, instance: Instance) -> PoolNow:
        """Raises SourceUnavailable, SourceNonsense, or NotConfigured where the profile has no such page."""
        page = self._profile(target).pages.pool
        if page is None:
            raise NotConfigured(
                f"profile {target.profile} names no pool page: a new size could not be checked"
            )
        url = _address(instance, page.path)
        status, body = self._ask(url)
        if status != HTTPStatus.OK:
            raise SourceUnavailable(f"{url} answered {status}")
        try:
            return _read_pool(parse(body), page)
        except Missing as exc:
            raise SourceNonsense(f"{url} does not show the pool as profile {target.profile} says") from exc

    def _profile(self, target: Target) -> Profile:
        try:
            return self._profiles[target.profile]
        except KeyError:
            raise NotConfigured(f"there is no metric profile {target.profile}") from None

    def _ask(self, url: str) -> tuple[int, bytes]:
        body = bytearray()
        try:
            with self._client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
                for piece in answer.iter_raw():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise SourceNonsense(f"{url} answered more than {MOST_BYTES} bytes")
                return answer.status_code, bytes(body)
        except httpx.HTTPError as exc:
            raise SourceUnavailable(f"{url}: {clean(str(exc)) or type(exc).__name__}") from exc


def _address(instance: Instance, path: str) -> str:
    return f"{str(instance.url).rstrip('/')}{path}"


def _read_pool(document: object, page: PoolPage) -> PoolNow:
    generation = (
        None if page.generation is None else count(resolve(document, page.generation), page.generation)
    )
    return PoolNow(size=count(resolve(document, page.size), page.size), generation=generation)
