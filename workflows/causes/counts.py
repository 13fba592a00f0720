"""How many of the plain idle sessions are checked out: counts tell how many, and no pid tells which."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from workflows.models.evidence import PoolState


@dataclass(frozen=True)
class Counts:
    """What the pools and the server counted in one look."""

    pools: Mapping[str, PoolState]
    """Of every instance whose pool could be read."""
    sessions: int
    """The target's own on the server, idle or not."""
    idle: int
    """Of these the plain idle ones in question."""
    every: int
    """All plain idle ones, however short."""
    possible: Mapping[str, int] = field(default_factory=dict)
    """Of the idle ones those that the instance can have opened; all of them where it is not named."""

    @property
    def open(self) -> int:
        """Connections that the pools know of."""
        return sum(pool.active + pool.idle for pool in self.pools.values())

    @property
    def checked_out(self) -> int:
        """On all of them."""
        return sum(pool.active for pool in self.pools.values())

    @property
    def gap(self) -> int:
        """By how many connections pools and server disagree."""
        return abs(self.sessions - self.open)

    def held(self, names: Collection[str]) -> int:
        """Of the idle ones those that are certainly checked out on these instances.

        As many as no pool knows of are anybody's. What these pools count as idle is theirs, and all that the
        other instances have may be among the idle ones, as far as these instances can have opened them.
        """
        theirs = sum(
            min(pool.idle if name in names else pool.idle + pool.active, self.possible.get(name, self.idle))
            for name, pool in self.pools.items()
        )
        return max(self.idle - self._anybodys - theirs, 0)

    def likely(self, names: Collection[str]) -> int:
        """The same, if requests do not leave a connection idle that they have checked out.

        Then all that is idle beyond the pools' own is forgotten, and young idle ones say which are theirs.
        """
        theirs = sum(pool.idle for pool in self.pools.values())
        elsewhere = sum(pool.active for name, pool in self.pools.items() if name not in names)
        return max(min(self.idle, self.every - self._anybodys - theirs) - elsewhere, 0)

    @property
    def _anybodys(self) -> int:
        return max(self.sessions - self.open, 0)
