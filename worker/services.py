"""Which parts each service consists of; the command line imports this only when it starts one."""

import asyncio

from worker.http_parts import require_token, show_health, take_alerts
from worker.incident_part import run_incidents
from worker.process import run_process
from worker.settings import Settings


def serve_all(settings: Settings) -> None:
    """Take alerts and run incidents, until stopped."""
    require_token(settings)
    asyncio.run(run_process(settings, [take_alerts, run_incidents], works=True))


def serve_webhook(settings: Settings) -> None:
    """Take alerts, until stopped."""
    require_token(settings)
    asyncio.run(run_process(settings, [take_alerts], works=False))


def serve_worker(settings: Settings) -> None:
    """Run incidents, until stopped."""
    asyncio.run(run_process(settings, [show_health, run_incidents], works=True))
