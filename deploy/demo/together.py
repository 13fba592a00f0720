"""Two faults at once: the second comes when the first has struck, and poolmedic sees them mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import override

from deploy.demo.faults import Fault, Ground
from deploy.demo.missing_index import MissingIndex
from deploy.demo.row_lock import RowLock
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
        await self.await_first(ground)
        await self.second.strike(ground)

    async def await_first(self, ground: Ground) -> None:
        """Until the first has struck; raises StackError."""
        if reason := await probes.until(lambda: self._why_not_yet(ground), SECONDS_TO_STRIKE):
            raise StackError(f"the first of two faults did not strike: {reason}")

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


@dataclass(frozen=True)
class SlowBehindLock(Together):
    """A queue behind a lock hides a slow query, which takes the connections once the queue is gone."""

    first: RowLock
    second: MissingIndex

    @override
    async def strike(self, ground: Ground) -> None:
        """Whose query is to be slow needs a usual time, which is shown before anything is locked."""
        await self.second.prepare(ground)
        await self.first.strike(ground)
        await self.await_first(ground)
        await self.second.drop(ground)

    @override
    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        """Of the lock alone: that the query is slow shows only once the queue is gone."""
        return await self.first.culprits(ground)
