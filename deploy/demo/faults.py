"""How a pool can be broken. A fault is a value: what it does, it does to the ground that it is given.

A new kind is one more class here, or beside this module, with the five parts of `Fault`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol, override

import httpx

from deploy.demo.application import Application
from deploy.demo.decoys import Decoy
from deploy.demo.sessions import SessionId, identify
from deploy.load.generator import Load
from deploy.local import probes
from deploy.local.engine import Engine
from deploy.local.postgres import Postgres
from deploy.local.prometheus import Prometheus

EXHAUSTED = "DatabaseConnectionPoolExhausted"
SECONDS_TO_FIRE = 60.0


@dataclass(frozen=True)
class Demand:
    """Requests per second, and how many milliseconds each of them keeps its connection."""

    rate: float
    hold_ms: int
    users: int = 300
    """The most that ask at once: who would be one more stays away."""

    @override
    def __str__(self) -> str:
        return f"{self.rate:g} requests a second, each with a connection for {self.hold_ms} ms"


class Servers(Protocol):
    """What a fault needs of the stack."""

    @property
    def postgres(self) -> Postgres: ...

    @property
    def prometheus(self) -> Prometheus: ...

    @property
    def engine(self) -> Engine: ...


@dataclass(frozen=True)
class Ground:
    """What a fault may touch. ``holding`` keeps what it opens (sessions, tasks) until the drill ends."""

    application: Application
    """The instance that is to break."""
    stack: Servers
    load: Load
    calm: Demand
    holding: AsyncExitStack
    beside: list[Decoy] = field(default_factory=list)
    """Sessions that a fault needs, and that nobody may touch all the same."""

    def ask(self, demand: Demand) -> None:
        """Have the users ask for so much from now on."""
        self.load.rate, self.load.hold_ms = demand.rate, demand.hold_ms
        self.load.in_flight = demand.users


class Fault(Protocol):
    """One way to break the pool."""

    @property
    def told(self) -> str:
        """What happens, in a sentence, for who watches."""

    async def strike(self, ground: Ground) -> None:
        """Switch it on; it need not have struck when this returns."""

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        """The sessions that it left, which are to be ended; none where every session is honest work's.

        None as long as it has not struck. Named by the server itself, before anybody can end them.
        """

    async def remains(self, ground: Ground) -> str:
        """What is left of it now, in words; empty when nothing is."""

    async def relent(self, ground: Ground) -> None:
        """Switch it off, as far as it would end by itself or by other hands than poolmedic's."""


@dataclass(frozen=True)
class Leak:
    """So many connections are checked out, and left idle in a transaction for good."""

    sessions: int
    writes: bool = False
    """Whether each has changed something that is not committed."""

    @property
    def told(self) -> str:
        written = ", each with a change that is not committed" if self.writes else ""
        return f"{self.sessions} connections are checked out and forgotten{written}."

    async def strike(self, ground: Ground) -> None:
        await ground.application.leak(self.sessions, writes=self.writes)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        pids = await ground.application.forgotten()
        if len(pids) < self.sessions:
            return None
        found = tuple(await identify(ground.stack.postgres, pids))
        return found if len(found) == len(pids) else None

    async def remains(self, ground: Ground) -> str:
        left = len(await ground.application.forgotten())
        return f"{left} connections forgotten" if left else ""

    async def relent(self, _ground: Ground) -> None:
        """It has happened: what is forgotten stays so until somebody ends it."""


@dataclass(frozen=True)
class Traffic:
    """Users ask for more, or for longer; every session is an honest one."""

    demand: Demand
    why: str

    @property
    def told(self) -> str:
        return f"{self.why}: {self.demand}."

    async def strike(self, ground: Ground) -> None:
        ground.ask(self.demand)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:  # noqa: ARG002
        return ()

    async def remains(self, ground: Ground) -> str:
        return str(self.demand) if ground.load.rate == self.demand.rate else ""

    async def relent(self, ground: Ground) -> None:
        ground.ask(ground.calm)


@dataclass(frozen=True)
class Burst(Traffic):
    """The same, and over as soon as the alert fires."""

    @override
    async def strike(self, ground: Ground) -> None:
        await super().strike(ground)
        group = await ground.holding.enter_async_context(asyncio.TaskGroup())
        group.create_task(self._pass(ground))

    @override
    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        return None if await self.remains(ground) else ()

    async def _pass(self, ground: Ground) -> None:
        service = ground.application.target.application.service
        async with httpx.AsyncClient(base_url=ground.stack.prometheus.url, trust_env=False) as client:
            if await probes.until(lambda: why_calm(client, service), SECONDS_TO_FIRE) is None:
                await self.relent(ground)


async def why_calm(client: httpx.AsyncClient, service: str) -> str | None:
    """Why the alert is not known to fire for this service, by Prometheus itself; None once it does."""
    alerts = (await client.get("/api/v1/alerts")).raise_for_status().json()["data"]["alerts"]
    wanted = {"alertname": EXHAUSTED, "service": service}
    fires = any(each["state"] == "firing" and wanted.items() <= each["labels"].items() for each in alerts)
    return None if fires else "the alert does not fire"
