"""A fault of migrations: an index is gone, and every customer's page reads the whole table of parcels."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo import processor
from deploy.demo.faults import Ground
from deploy.demo.sessions import SessionId
from deploy.load.generator import LONGEST_RUN, Load, look_at_customer
from deploy.local import probes
from deploy.local.errors import StackError
from deploy.local.postgres import Postgres
from deploy.local.postgres_roles import connected

PARCELS = 1_000_000
TABLE = "parcels"
FILL = f"""
INSERT INTO {TABLE}
SELECT n, 1 + n % 2000, n % 97 FROM generate_series(1, {PARCELS}) AS n
 WHERE NOT EXISTS (SELECT FROM {TABLE})"""  # noqa: S608  our own names
INDEX = f"CREATE INDEX IF NOT EXISTS parcels_by_order ON {TABLE} (order_id)"
DROP = "DROP INDEX parcels_by_order"
FORGET = "DROP INDEX IF EXISTS poolmedic_parcels_order_id"
"""What poolmedic made in an earlier drill of the same stack."""
LONG = f"""
 FROM pg_stat_activity
WHERE application_name = $1 AND state = 'active' AND query LIKE '%FROM {TABLE}%'
  AND query_start < clock_timestamp() - interval '1 second'"""
RUNNING = f"SELECT count(*) {LONG}"
STOP = f"SELECT pg_cancel_backend(pid) {LONG}"
USUAL_ANSWERS = 800
"""So many quick ones before it strikes: only so there is a usual time that it can be told from."""
USUAL_RATE = 40.0
SECONDS_TO_FILL = 60.0
SECONDS_OF_USUAL = 90.0
FEW = 3


class UsualMissing(StackError):
    """The page was not quick before its index was dropped; without that the drill would break nothing."""


@dataclass(frozen=True)
class MissingIndex:
    """Users look at customers so many times a second, with an index first and without it then."""

    rate: float

    @property
    def told(self) -> str:
        return (
            f"the index on {PARCELS:,} parcels is dropped, while users look at customers {self.rate:g} times "
            "a second, on a server with one processor."
        )

    async def strike(self, ground: Ground) -> None:
        await self.prepare(ground)
        await self.drop(ground)

    async def prepare(self, ground: Ground) -> None:
        """The parcels, their index, and users whom it serves so often that their usual time is known."""
        server = ground.stack.postgres
        ground.holding.push_async_callback(self.relent, ground)
        await _execute(server, FORGET, FILL, INDEX, f"VACUUM ANALYZE {TABLE}")
        users = Load(
            ground.application.target.url,
            rate=USUAL_RATE,
            seconds=LONGEST_RUN,
            timeout=20.0,
            visit=look_at_customer,
        )
        await ground.holding.enter_async_context(users)
        if reason := await probes.until(lambda: _is_unusual(users), SECONDS_OF_USUAL):
            raise UsualMissing(reason)
        users.rate = self.rate

    async def drop(self, ground: Ground) -> None:
        """Take the index away, and every processor but one."""
        server = ground.stack.postgres
        await processor.confine(server, ground.application.target.application.service)
        await _execute(server, DROP)

    async def culprits(self, ground: Ground) -> tuple[SessionId, ...] | None:
        """Every session is an honest one's: what is cancelled are statements."""
        return () if await self._running(ground) >= FEW else None

    async def remains(self, ground: Ground) -> str:
        running = await self._running(ground)
        return f"{running} pages read the whole table" if running else ""

    async def relent(self, ground: Ground) -> None:
        """What has begun without the index goes on without it, unless it is stopped as well."""
        server = ground.stack.postgres
        await processor.release(server)
        await _execute(server, INDEX)
        async with connected(server, server.settings.database) as connection:
            await connection.fetch(STOP, ground.application.target.application.service)

    async def _running(self, ground: Ground) -> int:
        server = ground.stack.postgres
        async with connected(server, server.settings.database) as connection:
            return int(await connection.fetchval(RUNNING, ground.application.target.application.service))


async def _execute(server: Postgres, *statements: str) -> None:
    async with connected(server, server.settings.database) as connection:
        for statement in statements:
            await connection.execute(statement, timeout=SECONDS_TO_FILL)


async def _is_unusual(users: Load) -> str | None:
    served = users.summarize().ok
    return None if served >= USUAL_ANSWERS else f"{served} of {USUAL_ANSWERS} customers were shown"
