"""Where the contract of the port Application is played: a simulated application, told or served over HTTP."""

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import override

import httpx
from pydantic import HttpUrl

from activities.application import HttpApplication
from activities.profiles.library import load_profiles
from activities.profiles.profile import Profile
from tests.fakes import cases
from tests.fakes.ports import FakeApplication
from tests.fakes.readings import BORROWER, OWN_QUERY
from tests.fakes.state import App
from tests.fakes.world import World
from tests.ports.canned_server import canned, page, say_nothing
from workflows.models.evidence import ApplicationPage
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.ports.activities import Application
from workflows.ports.requests import Look

LIMIT = timedelta(seconds=1)

type Page = tuple[str, bytes]
"""Status line and body."""
type Pages = Callable[[str], Awaitable[Page | None]]
"""By path; None never answers."""


class ApplicationStage(ABC):
    """A world to change, and the port that reads it."""

    def __init__(self, instances: int) -> None:
        self.target: Target = cases.target(instances=instances, profile="covetpy")
        self.world = World(self.target)

    @abstractmethod
    async def port(self) -> Application:
        """The port; what happens afterwards is seen too."""


class FakeApplicationStage(ApplicationStage):
    """The fake reads the world directly."""

    @override
    async def port(self) -> Application:
        return FakeApplication(self.world)


class ServedApplicationStage(ApplicationStage):
    """Each instance is a server of its own; one that does not run has none."""

    def __init__(self, stack: AsyncExitStack, instances: int) -> None:
        super().__init__(instances)
        self._stack = stack

    @override
    async def port(self) -> Application:
        state, served = self.world.state(self.world.now()), []
        for instance in self.target.instances:
            url = "http://127.0.0.1:9"
            if state.apps[instance.name].running and not state.is_blind("application", instance.name):
                url = await self._stack.enter_async_context(serve(self._pages(instance.name)))
            served.append(instance.model_copy(update={"url": HttpUrl(url)}))
        self.target = self.target.model_copy(update={"instances": tuple(served)})
        client = await self._stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        return HttpApplication(client, load_profiles(), limit=LIMIT)

    def _pages(self, name: str) -> Pages:
        async def answer(path: str) -> Page | None:
            now = self.world.now()
            app = self.world.state(now).apps[name]
            refused = self.world.spans(app.started_at, now)
            timeouts = sum(seconds * state.apps[name].refused_per_second for seconds, state in refused)
            return pages_of(app, round(timeouts)).get(path, ("404 Not Found", b"{}"))

        return answer


def pages_of(app: App, timeouts: int) -> dict[str, Page | None]:
    """The pages that the covetpy profile asks for."""
    health = {"status": "healthy" if app.served == 1 else "unhealthy", "checks": {"disk": {"status": "ok"}}}
    pool = {
        "started_at": app.started_at.isoformat(),
        "generation": app.generation,
        "size": app.pool.size,
        "checked_out": app.pool.active,
        "idle": app.pool.idle,
        "waiting": app.pool.waiters,
        "requests_in_progress": app.pool.in_flight,
        "timeouts_total": timeouts,
        "checkouts": [{"borrower": BORROWER, "held_seconds": app.hold}] * app.pool.active,
    }
    queries = {"slowest": [{"query_pattern": OWN_QUERY, "avg_duration_ms": 1000 * app.hold}]}
    has_free = app.served == 1 and app.free > 0
    return {
        "/health": ("200 OK" if app.served == 1 else "503 Service Unavailable", json.dumps(health).encode()),
        "/pool": ("200 OK", json.dumps(pool).encode()),
        "/queries": ("200 OK", json.dumps(queries).encode()),
        "/probe": ("200 OK", b'{"responding": true}') if has_free else None,
    }


@contextlib.asynccontextmanager
async def serve(pages: Pages) -> AsyncIterator[str]:
    """Address of a server with these pages."""

    async def answer(writer: asyncio.StreamWriter, head: bytes) -> None:
        found = await pages(head.split(b" ")[1].decode())
        await (say_nothing(writer, head) if found is None else page(found[1], found[0])(writer, head))

    async with canned(answer) as server:
        yield server.url


async def read_instance(
    client: httpx.AsyncClient,
    url: str,
    profiles: Mapping[str, Profile] | None = None,
    *,
    hints: bool = False,
) -> Known[ApplicationPage] | Unavailable:
    """One instance of the profile covetpy at that address."""
    subject = cases.target(profile="covetpy")
    instance = subject.instances[0].model_copy(update={"url": HttpUrl(url)})
    look = Look(
        target=subject.model_copy(update={"instances": (instance,)}),
        policy=cases.policy(),
        alert_name=cases.ALERT,
        hints=hints,
    )
    port = HttpApplication(client, profiles or load_profiles(), limit=LIMIT)
    return (await port.read_application(look)).instances[instance.name]
