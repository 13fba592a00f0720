"""Who has which connection since when: the source of the pool's metrics and of covet's pool monitor."""

import logging
import time
from dataclasses import dataclass, field

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from covet.database.monitoring.pool_monitor import ConnectionPoolMonitor

from . import metrics

logger = logging.getLogger("target.pool")


@dataclass(slots=True, eq=False)
class Lease:
    """One checkout: the connection, the page that has it, and since when (monotonic seconds)."""

    connection: PoolConnectionProxy
    borrower: str
    backend_pid: int
    since: float = field(default_factory=time.monotonic)
    is_overdue: bool = False

    @property
    def age(self) -> float:
        return time.monotonic() - self.since


class Ledger:
    """The open leases and the counts since the process started."""

    def __init__(self, leak_after: float, monitor: ConnectionPoolMonitor) -> None:
        self.leak_after = leak_after
        self.monitor = monitor
        self.leases: dict[PoolConnectionProxy, Lease] = {}
        self.waiting = 0
        self.acquired = 0
        self.timeouts = 0

    @property
    def oldest(self) -> float:
        return max((lease.age for lease in self.leases.values()), default=0.0)

    @property
    def overdue(self) -> list[Lease]:
        return [lease for lease in self.leases.values() if lease.age > self.leak_after]

    def start_wait(self) -> float:
        self._set_waiting(self.waiting + 1)
        return time.monotonic()

    def end_wait(self, since: float) -> None:
        waited = time.monotonic() - since
        self._set_waiting(self.waiting - 1)
        metrics.wait_time.observe(waited)
        self.monitor.record_wait_time(waited * 1000)

    def open(self, connection: PoolConnectionProxy, borrower: str) -> Lease:
        lease = Lease(connection, borrower, connection.get_server_pid())
        self.leases[connection] = lease
        self.acquired += 1
        metrics.acquired.inc()
        self.monitor.record_checkout()
        return lease

    def close(self, lease: Lease) -> bool:
        """End a lease that is returned; False if it had ended already because its connection broke."""
        if self.leases.pop(lease.connection, None) is None:
            return False
        metrics.hold_time.observe(lease.age)
        self.monitor.record_checkin()
        return True

    def lose(self, connection: asyncpg.Connection | PoolConnectionProxy, *, frees_slot: bool) -> None:
        """Note that a connection broke while somebody had it; one that was idle in the pool is no loss."""
        lease = self.leases.get(connection) if isinstance(connection, PoolConnectionProxy) else None
        if lease is None:
            return
        metrics.lost.inc()
        self.monitor.record_error("connection lost while checked out")
        logger.warning(
            "connection lost while checked out",
            extra={**describe(lease), "event": "connection_lost", "slot_freed": frees_slot},
        )
        if frees_slot:
            del self.leases[lease.connection]
            self.monitor.record_checkin()

    def fit(self, slots: int) -> None:
        """Tell the monitor the pool's size; it can count checkouts, but knows nothing of a changing size."""
        self.monitor.pool_size = slots
        self.monitor._idle_connections = max(slots - len(self.leases), 0)  # noqa: SLF001  it has no setter

    def time_out(self, borrower: str, since: float) -> None:
        self.timeouts += 1
        metrics.timeouts.inc()
        self.monitor.record_timeout()
        logger.error(
            "pool timeout: no connection in time",
            extra={
                "event": "pool_timeout",
                "borrower": borrower,
                "waited_seconds": round(time.monotonic() - since, 3),
                "checked_out": len(self.leases),
                "waiting": self.waiting,
            },
        )

    def count_overdue(self) -> None:
        """Count every lease that has become overdue since the last call as leaked, once."""
        for lease in self.overdue:
            if not lease.is_overdue:
                lease.is_overdue = True
                metrics.leaked.inc()
                logger.warning(
                    "connection held for long, looks leaked",
                    extra={**describe(lease), "event": "connection_leaked"},
                )

    def _set_waiting(self, count: int) -> None:
        self.waiting = count
        self.monitor.record_waiting(count)


def describe(lease: Lease) -> dict[str, object]:
    return {
        "borrower": lease.borrower,
        "backend_pid": lease.backend_pid,
        "held_seconds": round(lease.age, 3),
    }
