"""Which pages a process serves, and serving them until it is told to stop."""

import asyncio
import contextlib
import math
import socket
from collections.abc import Iterator
from functools import partial
from typing import override

import structlog
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client

from worker.access import Access
from worker.acknowledging import Acknowledging
from worker.answers import tell_malformed
from worker.approving import Approving
from worker.codec_server import CodecServer
from worker.config import Configuration
from worker.connections import Connection
from worker.delivery import Malformed
from worker.door import BACKLOG, Door
from worker.errors import Usage
from worker.health import Probes
from worker.http_app import new_app
from worker.incidents import Incidents
from worker.intake import Intake
from worker.links import ballots_of, invitations_of
from worker.meters import Meters
from worker.read_pages import ReadPages
from worker.sdk_metrics import SdkMetrics
from worker.sealing import Sealing
from worker.settings import Settings
from worker.stopping import stopped_or_ended
from worker.webhook import Webhook

_log = structlog.get_logger("poolmedic.http")


def webhook_site(
    settings: Settings,
    configuration: Configuration,
    client: Client,
    meters: Meters,
    sdk: SdkMetrics,
    working: asyncio.Event | None,
) -> FastAPI:
    """Everything: alerts, health, metrics, the interface's description."""
    app = new_app(settings.codec_origin)
    probes = Probes(client, settings.task_queue, working)
    app.include_router(probes.router())
    intake = Intake(client, configuration, settings.task_queue)
    senders = Access(settings.webhook_tokens, meters.unauthorized.labels("alerts"), takes_basic=False)
    Webhook(intake, meters).serve_on(app, senders)
    refused = meters.unauthorized.labels("links")
    if invitations := invitations_of(settings):
        Acknowledging(Incidents(client), invitations, refused).serve_on(app)
    if ballots := ballots_of(settings):
        Approving(Incidents(client), ballots, refused).serve_on(app)
    if settings.codec_tokens:
        owners = Access(settings.codec_tokens, meters.unauthorized.labels("codec"), takes_basic=True)
        CodecServer(Sealing(settings.sealing_keys)).serve_on(app, owners)
    app.add_exception_handler(Malformed, tell_malformed)
    ReadPages(meters, sdk, probes).serve_on(app, _readers(settings, meters))
    return app


def worker_site(
    settings: Settings, client: Client, meters: Meters, sdk: SdkMetrics, working: asyncio.Event | None
) -> FastAPI:
    """What a worker on its own shows: health and metrics."""
    app = new_app()
    probes = Probes(client, settings.task_queue, working)
    app.include_router(probes.router())
    ReadPages(meters, sdk, probes).serve_on(app, _readers(settings, meters))
    return app


def _readers(settings: Settings, meters: Meters) -> Access:
    tokens = (*settings.read_tokens, *settings.webhook_tokens)
    return Access(tokens, meters.unauthorized.labels("reading"), takes_basic=True)


class _Server(uvicorn.Server):
    """The process handles signals itself, for all its parts; connections come in by doors of ours."""

    _doors: tuple[Door, ...] = ()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open a door per listener: uvicorn's own would wait a minute for every handshake, of any number."""
        await self.lifespan.startup()
        connection = partial(
            Connection, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        self._doors = tuple(Door(listener, connection, self.config.ssl) for listener in sockets or ())
        self.servers = []
        self.started = True

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors, and let requests under way end."""
        for door in self._doors:
            door.close()
        await super().shutdown(sockets)


async def serve_site(app: FastAPI, listener: socket.socket, settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; requests under way may end."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            lifespan="off",
            http=Connection,
            ws="none",
            timeout_graceful_shutdown=math.ceil(settings.graceful_seconds),
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    host, port = listener.getsockname()[:2]
    _log.info("listening", address=f"{'https' if settings.tls_certificate else 'http'}://{host}:{port}")
    for what in settings.unencrypted:
        _log.warning(what)
    await stopped_or_ended(stop, serving)
    server.should_exit = True
    await serving


def listen(host: str, port: int) -> socket.socket:
    """Take the address; raises `Usage` if it is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once; without it each waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or "the address is not one of this machine"
        raise Usage(
            f"cannot listen on {host}:{port}: {reason}; set POOLMEDIC_HOST and POOLMEDIC_PORT to free ones"
        ) from error
    return listener
