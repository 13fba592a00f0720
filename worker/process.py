"""A long-running process: its parts run side by side until a signal stops them, or one of them is lost."""

import asyncio
import contextlib
import resource
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from temporalio.runtime import Runtime

from worker.config import Configuration
from worker.config_file import load_configuration
from worker.errors import SubsystemLost
from worker.logs import Redaction, start_logging
from worker.meters import Meters
from worker.profiles import known_profiles
from worker.sdk_metrics import SdkMetrics, exposure, free_port
from worker.secret import secrets_of_libraries
from worker.settings import Settings
from worker.stopping import stopped_or_ended
from worker.telemetry import Tracing, new_runtime, start_tracing

EXTRA_SECONDS = 5.0
"""Beyond the graceful time, before a part that does not end is left behind."""
_log = structlog.get_logger("poolmedic")

type Part = Callable[["Process", asyncio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Process:
    """What the parts of one process share."""

    settings: Settings
    configuration: Configuration
    runtime: Runtime
    tracing: Tracing
    meters: Meters
    sdk: SdkMetrics
    redaction: Redaction
    working: asyncio.Event | None
    """Set once this process runs incidents; None where only others do."""


async def run_process(settings: Settings, parts: Sequence[Part], *, works: bool) -> None:
    """Run the parts until SIGTERM or SIGINT; raises what a part raised, `SubsystemLost` if one just ended.

    works: one of the parts runs incidents, for which every secret is needed.
    """
    allow_descriptors()
    redaction = start_logging(settings.log_level, settings.log_format)
    redaction.know([*settings.secrets, *secrets_of_libraries()])
    configuration = load_configuration(settings.config, profiles=known_profiles(settings), with_secrets=works)
    port = settings.sdk_metrics_port or free_port()
    async with AsyncExitStack() as stack:
        tracing = start_tracing()
        stack.callback(tracing.end)
        sdk = SdkMetrics(port)
        stack.push_async_callback(sdk.close)
        process = Process(
            settings,
            configuration,
            new_runtime(exposure(port)),
            tracing,
            Meters(),
            sdk,
            redaction,
            asyncio.Event() if works else None,
        )
        await _until_stopped(process, parts)


def allow_descriptors() -> None:
    """Take as many open files as the system gives: each connection is one, and few are given at first."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS says "infinity", and takes less
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _until_stopped(process: Process, parts: Sequence[Part]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    running = [asyncio.ensure_future(part(process, stop)) for part in parts]
    first = asyncio.ensure_future(asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED))
    await stopped_or_ended(stop, first)
    is_asked = stop.is_set()
    stop.set()
    _log.info("stopping", asked=is_asked)
    patience = process.settings.graceful_seconds + EXTRA_SECONDS
    _, left = await asyncio.wait(running, timeout=patience)
    for part in left:
        part.cancel()
    for part in running:
        if part.done() and (failure := part.exception()):
            raise failure
    if left or not is_asked:
        raise SubsystemLost("a part of the process did not end in time" if left else "a part ended by itself")
