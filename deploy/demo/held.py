"""Faults that hold connections without a trace of a leaked transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import override

from deploy.demo.faults import Ground, Leak
from deploy.demo.sessions import SessionId


@dataclass(frozen=True)
class IdleLeak(Leak):
    """So many connections are checked out, used and forgotten outside any transaction."""

    @property
    @override
    def told(self) -> str:
        return f"{self.sessions} connections are checked out and forgotten, outside any transaction."

    @override
    async def strike(self, ground: Ground) -> None:
        await ground.application.leak(self.sessions, transaction=False)

    @override
    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        """None is to be ended: the server cannot tell them from the pool's own idle ones."""
        return None if await super().culprits(ground) is None else ()


@dataclass(frozen=True)
class SlowPartner:
    """Every order waits so many seconds for another service, inside its transaction; none is a leak."""

    seconds: float

    @property
    def told(self) -> str:
        return f"a service that every order asks now takes {self.seconds:g} s to answer."

    async def strike(self, ground: Ground) -> None:
        await ground.application.slow_partner(self.seconds)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        return () if await ground.application.asking() else None

    async def remains(self, ground: Ground) -> str:
        asking = await ground.application.asking()
        return f"{asking} requests wait for another service" if asking else ""

    async def relent(self, ground: Ground) -> None:
        await ground.application.quick_partner()
