"""What a fault did, as others than poolmedic saw it, and what it kept from work for how long."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from deploy.local import probes

SECONDS_TO_SHOW = 30.0
"""A fault lasts until it has had an effect, and no longer than so much beyond its time."""


class Part(StrEnum):
    """What a page needs to be out in time; nothing else that is broken excuses a late one."""

    WORKER = "the worker"
    TEMPORAL = "Temporal"
    RECEIVER = "the receiver"


@dataclass(frozen=True)
class Outage:
    """One of them could not do its work in this time."""

    part: Part
    since: datetime
    until: datetime


@dataclass
class Strike:
    """Of one trial; a trial whose fault had no effect proves nothing about it."""

    seen: dict[str, bool] = field(default_factory=dict)
    """What the fault is to do, and whether somebody else than poolmedic saw it done."""
    outages: list[Outage] = field(default_factory=list)

    @property
    def is_seen(self) -> bool:
        """Whether every effect was seen; a fault that names none has had none."""
        return bool(self.seen) and all(self.seen.values())

    @property
    def unseen(self) -> str:
        """What was not seen, in words."""
        return "; ".join(what for what, is_seen in self.seen.items() if not is_seen) or "it never came to it"

    def see(self, what: str, *, holds: bool) -> None:
        """One effect, looked at now."""
        self.seen[what] = holds

    async def await_sight(self, what: str, probe: probes.Probe) -> None:
        """The same, and it has some time to show."""
        self.see(what, holds=await probes.until(probe, SECONDS_TO_SHOW) is None)

    @contextlib.contextmanager
    def stops(self, *parts: Part) -> Iterator[None]:
        """For the block; of what never comes back the judge knows nothing, and excuses nothing."""
        since = datetime.now(UTC)
        yield
        until = datetime.now(UTC)
        self.outages += [Outage(part, since, until) for part in parts]
