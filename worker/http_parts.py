"""The parts of a process that serve HTTP."""

import asyncio

from worker.errors import ConfigurationRefused, Fault
from worker.links import require_keys
from worker.process import Process
from worker.settings import Settings
from worker.site import listen, serve_site, webhook_site, worker_site
from worker.temporal import connect

_NO_TOKEN = Fault(
    "POOLMEDIC_WEBHOOK_TOKENS",
    "is not set; set it, or POOLMEDIC_WEBHOOK_TOKENS_FILE, to the token that Alertmanager sends",
)


def require_token(settings: Settings) -> None:
    """Raises `ConfigurationRefused` where nobody could deliver an alert."""
    if not settings.webhook_tokens:
        raise ConfigurationRefused("the environment", (_NO_TOKEN,))


async def take_alerts(process: Process, stop: asyncio.Event) -> None:
    """Serve until stopped. Temporal need not be there: until it is, deliveries are answered 503."""
    settings = process.settings
    require_keys(settings, process.configuration)
    listener = listen(settings.host, settings.port)
    client = await connect(process.runtime, process.tracing.plugins, lazy=True)
    app = webhook_site(settings, process.configuration, client, process.meters, process.sdk, process.working)
    await serve_site(app, listener, settings, stop)


async def show_health(process: Process, stop: asyncio.Event) -> None:
    """Health and metrics of a worker on its own."""
    settings = process.settings
    listener = listen(settings.host, settings.worker_port)
    client = await connect(process.runtime, lazy=True)
    app = worker_site(settings, client, process.meters, process.sdk, process.working)
    await serve_site(app, listener, settings, stop)
