"""Two faults at once: the second comes when the first has struck, and poolmedic sees them mixed."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.faults import Fault, Ground
from deploy.demo.sessions import SessionId
from deploy.local import probes
from deploy.local.errors import StackError

SECONDS_TO_STRIKE = 30.0


@dataclass(frozen=True)
class Together:
    """Both; the sessions that either left are to be ended."""

    first: Fault
    second: Fault

    @property
    def told(self) -> str:
        return f"{self.first.told} At the same time, {self.second.told}"

    async def strike(self, ground: Ground) -> None:
        await self.first.strike(ground)
        if reason := await probes.until(lambda: self._why_not_yet(ground), SECONDS_TO_STRIKE):
            raise StackError(f"the first of two faults did not strike: {reason}")
        await self.second.strike(ground)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        found = [await fault.culprits(ground) for fault in (self.first, self.second)]
        struck = [each for each in found if each is not None]
        return tuple(culprit for each in struck for culprit in each) if len(struck) == len(found) else None

    async def remains(self, ground: Ground) -> str:
        left = [await fault.remains(ground) for fault in (self.first, self.second)]
        return " and ".join(each for each in left if each)

    async def relent(self, ground: Ground) -> None:
        await self.second.relent(ground)
        await self.first.relent(ground)

    async def _why_not_yet(self, ground: Ground) -> str | None:
        return None if await self.first.culprits(ground) is not None else "it left no session yet"
