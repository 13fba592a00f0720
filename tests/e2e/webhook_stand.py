"""The webhook over real HTTP, before a real Temporal server without a worker: histories show what came."""

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import HttpUrl, SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.invitation import Invitation, Invitations
from tests.unit.configurations import another, raw, read
from worker.config import Configuration
from worker.meters import Meters
from worker.sdk_metrics import SdkMetrics
from worker.settings import Settings
from worker.site import listen, serve_site, webhook_site

TOKEN, OLD_TOKEN, READ_TOKEN = (
    "token-of-today-0123456789",
    "token-of-old-0123456789",
    "token-to-read-0123456789",
)
KEY, OLD_KEY = "key-of-links-0123456789", "key-of-old-links-0123456789"
PUBLIC = "https://poolmedic.example/on-call"
QUEUE = "webhook-tests"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stand:
    """A running webhook; every stand has two targets of its own, so that tests do not meet."""

    http: httpx.AsyncClient
    client: Client
    meters: Meters
    configuration: Configuration
    shop: str
    mail: str

    async def post(self, *alerts: dict[str, Any], token: str = TOKEN) -> httpx.Response:
        """Deliver as Alertmanager does."""
        return await self.http.post("/alerts", json=payload(*alerts), headers=bearer(token))

    async def signals(self, target: str) -> list[str]:
        """Names of the signals in the history of the target's incident; empty when none was started."""
        handle = self.client.get_workflow_handle(f"pool/{target}")
        try:
            events = [event async for event in handle.fetch_history_events()]
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return []
            raise
        kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        return [
            event.workflow_execution_signaled_event_attributes.signal_name
            for event in events
            if event.event_type == kind
        ]

    def refused(self, page: str) -> float:
        """How many requests came without a valid token."""
        return self.meters.registry.get_sample_value("poolmedic_unauthorized_total", {"page": page}) or 0.0

    def count(self, result: str) -> float:
        """How many deliveries ended so."""
        return self.meters.registry.get_sample_value("poolmedic_deliveries_total", {"result": result}) or 0.0


@contextlib.asynccontextmanager
async def stand(client: Client, **more: Any) -> AsyncIterator[Stand]:
    """Serve until the block ends; `more` are settings."""
    number = next(_numbers)
    shop, mail = f"shop-{number}", f"mail-{number}"
    configuration = read(raw() | {"targets": [another(shop), another(mail)], "links": _LINKS})
    settings = Settings(
        webhook_tokens=(SecretStr(TOKEN), SecretStr(OLD_TOKEN)),
        read_tokens=(SecretStr(READ_TOKEN),),
        link_keys=(SecretStr(KEY), SecretStr(OLD_KEY)),
        public_url=HttpUrl(PUBLIC),
        task_queue=QUEUE,
        graceful_seconds=1.0,
        **more,
    )
    meters, sdk, stop = Meters(), SdkMetrics(1), asyncio.Event()
    app = webhook_site(settings, configuration, client, meters, sdk, working=None)
    listener = listen("127.0.0.1", 0)
    certificate = settings.tls_certificate
    address = f"{'https' if certificate else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    trusted = ssl.create_default_context(cafile=certificate) if certificate else True
    serving = asyncio.create_task(serve_site(app, listener, settings, stop))
    try:
        async with httpx.AsyncClient(base_url=address, timeout=20, trust_env=False, verify=trusted) as http:
            yield Stand(http, client, meters, configuration, shop, mail)
    finally:
        stop.set()
        await serving
        await sdk.close()


async def path_of(webhook: Stand) -> str:
    """Of the link that the open incident's pages hold, as the proxy before the webhook passes it on."""
    handle = webhook.client.get_workflow_handle(f"pool/{webhook.shop}")
    run = await handle.describe()
    link = Invitations((KEY,), PUBLIC).link(Invitation(target=webhook.shop, run=run.run_id))
    return link.removeprefix(PUBLIC)


async def flood(http: httpx.AsyncClient, most: int) -> tuple[bytes, int]:
    """Send a body that does not end until an answer comes; its first line, and the bytes sent by then."""
    url = http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    answer = asyncio.create_task(reader.readline())
    head = f"POST /alerts HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {TOKEN}\r\n"
    writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
    sent = 0
    try:
        while not answer.done() and sent < most:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
            sent += 0x10000
            await asyncio.sleep(0.01)
        return await answer, sent
    finally:
        writer.close()


_LINKS = {"temporal": "http://127.0.0.1:8233/namespaces/{namespace}/workflows/{workflow_id}"}


def alert(job: str, *, status: str = "firing", **changes: Any) -> dict[str, Any]:
    """One alert as Alertmanager 0.25 writes it."""
    return {
        "status": status,
        "labels": {"alertname": "DatabaseConnectionPoolExhausted", "job": job, "severity": "critical"},
        "annotations": {"summary": "pool full"},
        "startsAt": "2026-05-04T03:02:01.5Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "c0ffee0123456789",
    } | changes


def payload(*alerts: dict[str, Any]) -> dict[str, Any]:
    """A delivery of Alertmanager's webhook, version 4."""
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "poolmedic",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
    }


def bearer(token: str) -> dict[str, str]:
    """The header Alertmanager sends."""
    return {"Authorization": f"Bearer {token}"}
