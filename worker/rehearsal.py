"""Asks every source once when a worker starts, as an incident will: the first one finds nothing cold."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from worker.check import check_targets
from worker.config import Configuration
from worker.findings import Weight
from worker.wiring import Ports

_log = structlog.get_logger("poolmedic.worker")


@asynccontextmanager
async def rehearsed(configuration: Configuration, ports: Ports) -> AsyncIterator[None]:
    """Beside the block, which does not wait for it."""
    asking = asyncio.create_task(_ask(configuration, ports))
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.wait({asking})


async def _ask(configuration: Configuration, ports: Ports) -> None:
    try:
        findings = await check_targets(configuration, ports)
    except Exception:  # noqa: BLE001 - incidents go on, and meet the same defect where it is told
        _log.exception("the sources could not be asked")
        return
    for finding in findings:
        if finding.weight is Weight.PROBLEM:
            _log.warning("not as it should be", source=finding.where, reason=finding.told)
