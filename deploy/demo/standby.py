"""A fault of the server itself: every commit waits for a standby, and the standby is gone."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.faults import Ground
from deploy.demo.sessions import SessionId
from deploy.load.generator import LONGEST_RUN, Load, transfer_along
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.postgres_roles import connected

ORDERS = 1_900
"""So many that two transfers hardly ever want the same one: nobody waits for anybody else's lock."""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@dataclass(frozen=True)
class LostStandby:
    """Users move money so many times a second, and no transfer is ever told that it is kept."""

    rate: float

    @property
    def told(self) -> str:
        return (
            "the database waits with every commit for a standby that is gone, while users move money "
            f"{self.rate:g} times a second."
        )

    async def strike(self, ground: Ground) -> None:
        ground.holding.push_async_callback(self.relent, ground)
        await _configure(ground.stack.postgres, "ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        users = Load(
            ground.application.target.url,
            rate=self.rate,
            seconds=LONGEST_RUN,
            timeout=20.0,
            visit=transfer_along(ORDERS),
        )
        await ground.holding.enter_async_context(users)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        """Every session is an honest one's."""
        return () if await _waiting(ground.stack.postgres) else None

    async def remains(self, ground: Ground) -> str:
        waiting = await _waiting(ground.stack.postgres)
        return f"{waiting} commits wait for the standby" if waiting else ""

    async def relent(self, ground: Ground) -> None:
        await _configure(ground.stack.postgres, "ALTER SYSTEM RESET synchronous_standby_names")


async def _configure(server: Postgres, statement: str) -> None:
    async with connected(server, SUPERUSER) as connection:
        await connection.execute(statement)
        await connection.execute("SELECT pg_reload_conf()")


async def _waiting(server: Postgres) -> int:
    async with connected(server, SUPERUSER) as connection:
        return int(await connection.fetchval(WAITING))
