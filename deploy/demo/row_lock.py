"""A fault of locks: one transfer leaves half-way, and the others queue behind it, several levels deep."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.faults import Ground
from deploy.demo.sessions import SessionId, identify
from deploy.load.generator import LONGEST_RUN, Load, transfer_along
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_roles import connected

ORDERS = 12
LEVELS = 3
DEPTH = """
WITH RECURSIVE queue (pid, level) AS (
    SELECT $1::int, 0
     UNION
    SELECT s.pid, queue.level + 1
      FROM queue
      JOIN pg_stat_activity AS s ON queue.pid = ANY (pg_blocking_pids(s.pid))
     WHERE s.wait_event_type = 'Lock' AND queue.level < 5)
SELECT max(level) FROM queue"""


@dataclass(frozen=True)
class RowLock:
    """Users move money along a few orders, so many times a second; the first of them stays locked."""

    rate: float

    @property
    def told(self) -> str:
        return (
            "a transfer leaves half-way, with an order locked and its transaction open, while users move "
            f"money between {ORDERS + 1} orders {self.rate:g} times a second."
        )

    async def strike(self, ground: Ground) -> None:
        await ground.application.lock()
        users = Load(
            ground.application.target.url,
            rate=self.rate,
            seconds=LONGEST_RUN,
            timeout=20.0,
            visit=transfer_along(ORDERS),
        )
        await ground.holding.enter_async_context(users)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        """Whoever holds the lock, once the queue is as deep as it must be, by PostgreSQL's own word."""
        pids = await ground.application.forgotten()
        async with connected(ground.stack.postgres, SUPERUSER) as connection:
            depths = [await connection.fetchval(DEPTH, pid) for pid in pids]
        found = tuple(await identify(ground.stack.postgres, pids))
        return found if max(depths, default=0) >= LEVELS and len(found) == 1 else None

    async def remains(self, ground: Ground) -> str:
        left = len(await ground.application.forgotten())
        return f"{left} session holds the lock" if left else ""

    async def relent(self, _ground: Ground) -> None:
        """It has happened: the lock stays until somebody ends its session."""
