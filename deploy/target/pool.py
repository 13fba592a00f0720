"""The application's pool: covet's PostgreSQLAdapter on asyncpg, with leases and a size that can change.

A connection that the server ends while it is checked out (a leaked one, say) frees its slot at once: its
socket reports the end, asyncpg 0.32 closes the connection and puts the slot back into its queue, although
nobody released it. `reaps_dead=False` takes that away: the pool then notices a dead connection only when
its borrower returns it, as many pools do, and a leaked slot comes back by a restart alone.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from covet.database.adapters.postgresql import PostgreSQLAdapter

from . import slots
from .ledger import Lease, Ledger
from .settings import Database, PoolSize

logger = logging.getLogger("target.pool")
COMMAND_TIMEOUT = 15.0
OVERFLOW_KEPT = 30.0
CLOSE_TIMEOUT = 0.5
BROKEN = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


class PoolTimeout(Exception):
    """No connection became free within POOL_ACQUIRE_TIMEOUT. Answer 503; the client may try again."""


class DatabaseUnavailable(Exception):
    """The server refused or dropped the connection. Answer 503; the client may try again."""


class Pool:
    """Connections of one process to one database."""

    def __init__(
        self,
        database: Database,
        size: PoolSize,
        ledger: Ledger,
        *,
        acquire_timeout: float,
        reaps_dead: bool = True,
    ) -> None:
        self.size = size
        self.ledger = ledger
        self.generation = 0
        self.reaps_dead = reaps_dead
        self._acquire_timeout = acquire_timeout
        self._resizing = asyncio.Lock()
        self._adapter = PostgreSQLAdapter(
            host=database.host,
            port=database.port,
            database=database.name,
            user=database.user,
            password=database.password,
            min_pool_size=size.pool_size,
            max_pool_size=size.slots,
            command_timeout=COMMAND_TIMEOUT,
            max_inactive_connection_lifetime=OVERFLOW_KEPT,
            server_settings={"application_name": database.application_name},
            init=self._watch,
        )

    @property
    def _pool(self) -> asyncpg.Pool:
        pool: asyncpg.Pool | None = self._adapter.pool
        if pool is None:
            raise DatabaseUnavailable("the pool is not open")
        return pool

    @property
    def slots(self) -> int:
        """Return the effective size. After a shrink it falls to `size.slots` as connections are returned."""
        return slots.count(self._pool)

    @property
    def checked_out(self) -> int:
        """Return how many connections are lent; one that is just handed on has two leases for a moment."""
        return min(len(self.ledger.leases), self.slots)

    @property
    def slots_taken(self) -> int:
        """Return asyncpg's own count of what is checked out, to compare the ledger with."""
        return slots.count_taken(self._pool)

    @property
    def idle(self) -> int:
        return self._pool.get_idle_size()

    async def open(self) -> None:
        """Connect `pool_size` connections; raises what asyncpg raises if the server can't be reached."""
        await self._adapter.connect()
        self._announce()

    async def close(self) -> None:
        """Wait a moment for what is checked out, then close everything: a leaked one never comes back."""
        try:
            await asyncio.wait_for(self._adapter.disconnect(), CLOSE_TIMEOUT)
        except TimeoutError:
            logger.warning(
                "pool closed with connections checked out", extra={"leases": len(self.ledger.leases)}
            )

    async def resize(self, size: PoolSize) -> None:
        """Make the pool larger or smaller without closing a connection that is in use."""
        async with self._resizing:
            self.size = size
            slots.keep_open(self._pool, size.pool_size)
            if self.slots < size.slots:
                slots.add(self._pool, size.slots - self.slots)
            await self.trim()
            self._announce()

    async def trim(self) -> None:
        """Close free connections beyond the size, such as those that were in use when it was made smaller."""
        surplus = slots.remove_free(self._pool, max(self.slots - self.size.slots, 0))
        if surplus:
            self.ledger.fit(self.slots)
            await asyncio.gather(*(slots.close(holder) for holder in surplus))

    def _announce(self) -> None:
        self.generation += 1
        self.ledger.fit(self.slots)
        logger.info("pool size applied", extra={**self.size.model_dump(), "generation": self.generation})

    @asynccontextmanager
    async def transaction(self, borrower: str) -> AsyncIterator[PoolConnectionProxy]:
        """Lend a connection inside a transaction; raises PoolTimeout, DatabaseUnavailable."""
        lease = await self.check_out(borrower)
        try:
            async with lease.connection.transaction():
                yield lease.connection
        except BROKEN as exc:
            raise DatabaseUnavailable(type(exc).__name__) from exc
        finally:
            await self.check_in(lease)

    async def check_out(self, borrower: str) -> Lease:
        """Wait for a connection; raises PoolTimeout, DatabaseUnavailable."""
        since = self.ledger.start_wait()
        try:
            connection = await self._pool.acquire(timeout=self._acquire_timeout)
        except TimeoutError as exc:
            self.ledger.time_out(borrower, since)
            raise PoolTimeout from exc
        except BROKEN as exc:
            raise DatabaseUnavailable(type(exc).__name__) from exc
        finally:
            self.ledger.end_wait(since)
        if not self.reaps_dead:
            slots.hide(connection)
        return self.ledger.open(connection, borrower)

    async def check_in(self, lease: Lease) -> None:
        """Return a connection, or close it if the pool has become smaller; a lost one has been returned."""
        if lease.connection not in self.ledger.leases:
            return
        if self.slots > self.size.slots:
            self.ledger.close(lease)
            holder = slots.remove_taken(self._pool, lease.connection)
            self.ledger.fit(self.slots)
            await slots.close(holder)
            return
        if not self.reaps_dead:
            slots.unhide(lease.connection)
        try:
            # Until it has been made clean for the next one it is nobody's to take, so it counts as taken.
            await self._pool.release(lease.connection)
        except BROKEN as exc:
            raise DatabaseUnavailable(type(exc).__name__) from exc
        finally:
            self.ledger.close(lease)

    async def _watch(self, connection: asyncpg.Connection) -> None:
        connection.add_termination_listener(self._note_loss)

    def _note_loss(self, connection: asyncpg.Connection | PoolConnectionProxy) -> None:
        self.ledger.lose(connection, frees_slot=self.reaps_dead)
