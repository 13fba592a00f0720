"""How a pool can be broken. A fault is a value: what it does, it does to the ground that it is given.

A new kind is one more class here, or beside this module, with the five parts of `Fault`.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol, override

from deploy.demo.application import Application
from deploy.demo.sessions import SessionId, identify
from deploy.load.generator import Load
from deploy.local.stack import Stack


@dataclass(frozen=True)
class Demand:
    """Requests per second, and how many milliseconds each of them keeps its connection."""

    rate: float
    hold_ms: int

    @override
    def __str__(self) -> str:
        return f"{self.rate:g} requests a second, each with a connection for {self.hold_ms} ms"


@dataclass(frozen=True)
class Ground:
    """What a fault may touch. ``holding`` keeps what it opens (sessions, tasks) until the drill ends."""

    application: Application
    """The instance that is to break."""
    stack: Stack
    load: Load
    calm: Demand
    holding: AsyncExitStack

    def ask(self, demand: Demand) -> None:
        """Have the users ask for so much from now on."""
        self.load.rate, self.load.hold_ms = demand.rate, demand.hold_ms


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

    @property
    def told(self) -> str:
        return f"{self.sessions} connections are checked out and forgotten."

    async def strike(self, ground: Ground) -> None:
        await ground.application.leak(self.sessions)

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

    async def culprits(self, _ground: Ground) -> tuple[SessionId, ...]:
        return ()

    async def remains(self, ground: Ground) -> str:
        return str(self.demand) if ground.load.rate == self.demand.rate else ""

    async def relent(self, ground: Ground) -> None:
        ground.ask(ground.calm)
