"""The part of a process that runs incidents: workflows and activities, from one task queue."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from activities.permits import Permits
from worker.databases import Databases
from worker.discretion import Discretion
from worker.errors import TemporalUnavailable
from worker.namespace import require_set_up
from worker.pauses import measured_pauses
from worker.process import Process
from worker.rehearsal import rehearsed
from worker.stopping import pause, stopped_or_ended
from worker.temporal import connect
from worker.warming import kept_warm
from worker.wiring import WORKFLOWS, Ports, open_ports
from workflows.sandbox import runner

HEARTBEAT = timedelta(seconds=1)
"""Sent on at once, or a cancel would arrive at 0.8 of an activity's heartbeat timeout."""
STICKY = timedelta(seconds=1)
"""How long a due timer waits for the worker that died before another one gets it."""
BLOCKING_ACTIVITIES = 16
TRIES, PAUSE = 60, 2.0
_log = structlog.get_logger("poolmedic.worker")


async def run_incidents(process: Process, stop: asyncio.Event) -> None:
    """Work until stopped; raises `NotSetUp`, or `TemporalUnavailable` after two minutes of trying."""
    client = await _reach(process, stop)
    if client is None:
        return
    await require_set_up(client)
    async with (
        open_ports(process.settings, process.configuration, process.redaction) as ports,
        kept_warm(ports.warm, ports.rehearse),
        rehearsed(process.configuration, ports),
        measured_pauses(
            Databases(client, process.settings.task_queue),
            (target.database.name for target in process.configuration.targets),
            process.meters.pauses,
        ),
    ):
        threads = ThreadPoolExecutor(BLOCKING_ACTIVITIES, "activity")
        try:
            await _work(build_worker(client, process, ports, threads), process.working, stop)
        finally:
            # Without waiting: a driver that hangs must not keep the process from ending.
            threads.shutdown(wait=False, cancel_futures=True)


def build_worker(client: Client, process: Process, ports: Ports, threads: ThreadPoolExecutor) -> Worker:
    """With the options that were tried: quick cancels, quick take-over, sandbox on."""
    return Worker(
        client,
        task_queue=process.settings.task_queue,
        workflows=WORKFLOWS,
        activities=ports.activities,
        interceptors=[Discretion(process.redaction), Permits(client, ports.alerts)],
        activity_executor=threads,
        workflow_runner=runner(),
        max_heartbeat_throttle_interval=HEARTBEAT,
        default_heartbeat_throttle_interval=HEARTBEAT,
        sticky_queue_schedule_to_start_timeout=STICKY,
        graceful_shutdown_timeout=timedelta(seconds=process.settings.graceful_seconds),
    )


async def _work(worker: Worker, is_on: asyncio.Event | None, stop: asyncio.Event) -> None:
    working = asyncio.create_task(worker.run())
    if is_on is not None:
        is_on.set()
    _log.info("working", task_queue=worker.task_queue)
    await stopped_or_ended(stop, working)
    if not working.done():
        await worker.shutdown()
    await working


async def _reach(process: Process, stop: asyncio.Event) -> Client | None:
    """Temporal may start later than we do; None when stopped before it did."""
    for attempt in range(1, TRIES + 1):
        try:
            return await connect(process.runtime, process.tracing.plugins)
        except TemporalUnavailable as failure:
            if attempt == TRIES:
                raise
            _log.warning("waiting for Temporal", reason=str(failure), attempt=attempt)
        if await pause(stop, PAUSE):
            return None
    return None
