"""SQLAlchemy's pool in Prometheus, under the names of the metric profile `sqlalchemy`. Copy and use it:

    engine = create_engine(url, poolclass=MeasuredPool, pool_size=10, max_overflow=5, pool_timeout=5)

One pool per process: that of a second engine would write into the same metrics.
"""

from threading import Lock
from time import monotonic
from typing import Any, override

from prometheus_client import Counter, Gauge, Histogram, Summary
from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as AcquireTimeout
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

CHECKED_OUT = Gauge("sqlalchemy_pool_checkedout", "Connections in use.")
CHECKED_IN = Gauge("sqlalchemy_pool_checkedin", "Connections open and free.")
LIMIT = Gauge("sqlalchemy_pool_limit", "Connections at most: pool_size and max_overflow.")
WAITING = Gauge("sqlalchemy_pool_waiting", "Threads that wait for a connection of a full pool.")
TIMEOUTS = Counter("sqlalchemy_pool_timeouts", "Threads that gave up waiting for a connection.")
WAIT = Histogram("sqlalchemy_pool_wait_seconds", "Time to get a connection, or to give up.")
HELD = Summary("sqlalchemy_pool_held_seconds", "Time from getting a connection to giving it back.")

_TAKEN_AT = "measured_pool_taken_at"


class MeasuredPool(QueuePool):
    """A QueuePool that tells what it does; needs a bounded size, as pools should have."""

    def __init__(self, creator: Any, pool_size: int = 5, max_overflow: int = 10, **options: Any) -> None:  # noqa: ANN401 - passed on
        if pool_size < 1 or max_overflow < 0:
            raise ValueError("a pool without a limit cannot be exhausted; give pool_size and max_overflow")
        super().__init__(creator, pool_size=pool_size, max_overflow=max_overflow, **options)
        self._limit = pool_size + max_overflow
        self._asking, self._lock = 0, Lock()
        LIMIT.set(self._limit)
        CHECKED_OUT.set_function(self.checkedout)
        CHECKED_IN.set_function(self.checkedin)
        WAITING.set_function(self.waiting)

    def waiting(self) -> int:
        """Whoever asks while all connections are in use waits."""
        return self._asking if self.checkedout() >= self._limit else 0

    @override
    def connect(self) -> PoolProxiedConnection:
        self._ask(1)
        began = monotonic()
        try:
            return super().connect()
        except AcquireTimeout:
            TIMEOUTS.inc()
            raise
        finally:
            WAIT.observe(monotonic() - began)
            self._ask(-1)

    def _ask(self, more: int) -> None:
        with self._lock:
            self._asking += more


@event.listens_for(MeasuredPool, "checkout")
def _remember(_connection: Any, record: Any, _proxy: Any) -> None:  # noqa: ANN401 - as SQLAlchemy calls it
    record.info[_TAKEN_AT] = monotonic()


@event.listens_for(MeasuredPool, "checkin")
def _measure(_connection: Any, record: Any) -> None:  # noqa: ANN401 - as SQLAlchemy calls it
    taken_at = record.info.pop(_TAKEN_AT, None)
    if taken_at is not None:
        HELD.observe(monotonic() - taken_at)
