"""A fault of capacity: one of two instances is stopped, and its users come to the other one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from deploy.demo.faults import Demand, Ground
from deploy.demo.sessions import SessionId
from deploy.load.generator import LONGEST_RUN, Load
from deploy.local.engine import Engine


@dataclass(frozen=True)
class LostInstance:
    """The container of that name stops; its part of the demand goes where the pool is to break."""

    container: str
    part: Demand

    @property
    def told(self) -> str:
        return f"the container {self.container} is stopped, and its users go to the other: {self.part}."

    async def strike(self, ground: Ground) -> None:
        await asyncio.to_thread(_stop, ground.stack.engine, self.container)
        users = Load(
            ground.application.target.url,
            rate=self.part.rate,
            hold_ms=self.part.hold_ms,
            seconds=LONGEST_RUN,
        )
        await ground.holding.enter_async_context(users)

    async def culprits(self, _ground: Ground) -> tuple[SessionId, ...] | None:
        """Every session is an honest one's."""
        return ()

    async def remains(self, ground: Ground) -> str:
        state = await asyncio.to_thread(_state, ground.stack.engine, self.container)
        return "" if state == "running" else f"{self.container} is {state}"

    async def relent(self, _ground: Ground) -> None:
        """Whoever stopped it has to start it."""


def _stop(engine: Engine, name: str) -> None:
    with engine.client() as client:
        client.containers.get(name).stop(timeout=2)


def _state(engine: Engine, name: str) -> str:
    with engine.client() as client:
        return str(client.containers.get(name).status)
