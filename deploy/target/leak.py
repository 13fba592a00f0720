"""The drill's bug: a report that leaves without ending its transaction and without returning its connection.

asyncpg keeps hold of what is checked out, so a forgotten connection stays open, idle in transaction, until
the server ends the session or this process ends. Nothing here ever returns one.
"""

import asyncio
import logging
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from . import queries
from .ledger import Lease
from .pool import BROKEN, DatabaseUnavailable, Pool, PoolTimeout

logger = logging.getLogger("target.leak")
GIVE_UP_AFTER = 60.0


class ReportInterrupted(Exception):
    """The report stopped half-way and its connection is gone with it. Switch the fault off."""


class Fault(BaseModel):
    """What the bug does: forget `sessions` connections once, or `per_minute` of them until switched off."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sessions: int | None = Field(default=None, ge=1)
    rate: float = Field(default=20.0, gt=0, le=100, description="sessions per second")
    per_minute: float | None = Field(default=None, gt=0, le=600)
    writes: bool = False
    transaction: bool = True

    @model_validator(mode="after")
    def has_one_mode(self) -> Self:
        if (self.sessions is None) == (self.per_minute is None):
            raise ValueError("give either sessions or per_minute")
        if self.writes and not self.transaction:
            raise ValueError("a write that is never committed needs a transaction")
        return self

    @property
    def pause(self) -> float:
        return 60 / self.per_minute if self.per_minute else 1 / self.rate


class LeakBug:
    """The bug's switch, and what it has done since the process started."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.fault: Fault | None = None
        self.forgotten_total = 0
        self._goal = 0
        self._under_way = 0
        self._forgotten: list[Lease] = []
        self._driver: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        return self._goal - self.forgotten_total

    @property
    def forgotten(self) -> list[Lease]:
        """Return what is still checked out."""
        self._forgotten = [lease for lease in self._forgotten if lease.connection in self.pool.ledger.leases]
        return self._forgotten

    async def switch_on(self, fault: Fault) -> None:
        await self.switch_off()
        self.fault, self._goal = fault, self.forgotten_total + (fault.sessions or 0)
        self._driver = asyncio.create_task(self._ask_for_reports(fault))
        logger.warning("leak on", extra={"event": "fault", **fault.model_dump()})

    async def switch_off(self) -> None:
        """Stop forgetting. What has been forgotten stays forgotten."""
        if self._driver is not None:
            self._driver.cancel()
            await asyncio.gather(self._driver, return_exceptions=True)
            self._driver = None
        self.fault, self._goal = None, self.forgotten_total

    async def write_report(self) -> dict[str, object]:
        """Read one of the reports; raises ReportInterrupted where the bug strikes."""
        if self.fault is not None and self._under_way < self.pending:
            await self._forget(self.fault)
            raise ReportInterrupted
        async with self.pool.transaction("/report") as connection:
            row = await queries.fetch(connection, self._next_report())
        return dict(row or {})

    async def _forget(self, fault: Fault) -> None:
        self._under_way += 1
        try:
            lease = await self.pool.check_out("/report")
        finally:
            self._under_way -= 1
        self._forgotten = [*self.forgotten, lease]
        self.forgotten_total += 1
        try:
            await self._read(lease, fault)
        except BROKEN as exc:
            raise DatabaseUnavailable(type(exc).__name__) from exc

    async def _read(self, lease: Lease, fault: Fault) -> None:
        if fault.transaction:
            await lease.connection.execute("BEGIN")
        if fault.writes:
            await queries.fetch(
                lease.connection, queries.COUNT_REPORT, 1 + lease.backend_pid % queries.ORDERS
            )
        await queries.fetch(lease.connection, self._next_report())

    async def _ask_for_reports(self, fault: Fault) -> None:
        """Ask for reports as a nightly job would, so that the bug shows without users who want one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GIVE_UP_AFTER
        while fault.per_minute or (self.pending > 0 and loop.time() < deadline):
            self._goal = max(self._goal, self.forgotten_total + 1)
            try:
                await self.write_report()
            except (ReportInterrupted, PoolTimeout, DatabaseUnavailable) as exc:
                logger.info("report failed", extra={"reason": type(exc).__name__})
            await asyncio.sleep(fault.pause)
        if self.pending:
            logger.error("leak gave up", extra={"event": "fault", "not_forgotten": self.pending})
        self.fault, self._goal = None, self.forgotten_total

    def _next_report(self) -> str:
        return queries.REPORTS[self.pool.ledger.acquired % len(queries.REPORTS)]
