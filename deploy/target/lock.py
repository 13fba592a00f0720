"""The drill's other bug: a transfer that leaves half-way, with its row locked and its transaction open.

Every transfer that needs the same order waits for it, and those that need an order of theirs wait for them.
"""

import logging

from pydantic import BaseModel, ConfigDict, Field

from . import queries
from .ledger import Lease
from .pool import BROKEN, DatabaseUnavailable, Pool

logger = logging.getLogger("target.lock")


class Lock(BaseModel):
    """Which order stays locked."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    order: int = Field(default=1, ge=1, le=queries.ORDERS)


class LockBug:
    """Whoever left half-way, and still has its connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._left: list[Lease] = []

    @property
    def holders(self) -> list[Lease]:
        """Return what is still checked out."""
        self._left = [lease for lease in self._left if lease.connection in self._pool.ledger.leases]
        return self._left

    async def strike(self, lock: Lock) -> None:
        """Begin a transfer and leave; raises PoolTimeout, DatabaseUnavailable."""
        lease = await self._pool.check_out("/transfers")
        self._left = [*self.holders, lease]
        try:
            await lease.connection.execute("BEGIN")
            await queries.fetch(lease.connection, queries.TAKE, lock.order, queries.CENT)
        except BROKEN as exc:
            raise DatabaseUnavailable(type(exc).__name__) from exc
        logger.warning("transfer left half-way", extra={"event": "fault", "order": lock.order})
