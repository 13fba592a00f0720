"""A pool's slots, which asyncpg 0.32.0 keeps to itself: it is pinned exactly because of this module.

A slot is asyncpg's `PoolConnectionHolder`: it is either in the pool's queue (free) or checked out. Every
function here leaves `maximum == number of slots == capacity of the queue`, as asyncpg expects.
"""

# asyncpg has no public way to resize a pool
# ruff: noqa: SLF001
# mypy: disable-error-code="attr-defined,no-any-return"
import weakref
from contextlib import suppress

from asyncpg import InterfaceError, Pool, PostgresError
from asyncpg.pool import PoolConnectionHolder, PoolConnectionProxy


def count(pool: Pool) -> int:
    """Return how many connections the pool can give out now, plus the ones it has given out."""
    return len(pool._holders)


def count_taken(pool: Pool) -> int:
    """Return asyncpg's own count of slots that are not free (checked out, or just being connected)."""
    return len(pool._holders) - pool._queue.qsize()


def keep_open(pool: Pool, connections: int) -> None:
    """Set how many connections stay open while nobody needs them; missing ones are opened soon."""
    pool._minsize = connections
    pool._schedule_min_size_maintenance()


def add(pool: Pool, slots: int) -> None:
    """Add free slots. The first waiters in the queue get them at once."""
    added = [
        PoolConnectionHolder(
            pool,
            max_queries=pool._max_queries,
            setup=pool._setup,
            max_inactive_time=pool._max_inactive_connection_lifetime,
        )
        for _ in range(slots)
    ]
    pool._holders.extend(added)
    _settle(pool)
    for holder in added:
        pool._queue.put_nowait(holder)


def remove_free(pool: Pool, slots: int) -> list[PoolConnectionHolder]:
    """Take up to `slots` free slots out of the pool, unconnected ones first; the caller closes them."""
    removed = [_take_free(pool) for _ in range(min(slots, pool._queue.qsize()))]
    for holder in removed:
        pool._holders.remove(holder)
    _settle(pool)
    return removed


def remove_taken(pool: Pool, proxy: PoolConnectionProxy) -> PoolConnectionHolder:
    """Take a checked-out slot out of the pool; the caller closes it, and it never becomes free again."""
    holder = proxy._holder
    hide(proxy)
    proxy._detach()
    pool._holders.remove(holder)
    _settle(pool)
    return holder


async def close(holder: PoolConnectionHolder) -> None:
    """End a removed slot's connection; asyncpg drops the socket of one that can't be ended properly."""
    with suppress(OSError, PostgresError, InterfaceError):
        await holder.close()


def hide(proxy: PoolConnectionProxy) -> None:
    """Keep the loss of this connection from its slot: asyncpg then notices it only at the release."""
    proxy._con._pool_holder = None


def unhide(proxy: PoolConnectionProxy) -> None:
    """Undo `hide`, so that releasing the connection frees its slot, dead or alive."""
    if proxy._con is not None:
        proxy._con._pool_holder = weakref.ref(proxy._holder)


def _take_free(pool: Pool) -> PoolConnectionHolder:
    unconnected = any(not holder.is_connected() for holder in pool._queue._queue)
    return pool._queue.get_disconnected_nowait() if unconnected else pool._queue.get_nowait()


def _settle(pool: Pool) -> None:
    pool._maxsize = pool._queue._maxsize = len(pool._holders)
