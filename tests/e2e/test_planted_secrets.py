"""Secrets are planted wherever a process takes one, or another can say one, and looked for everywhere."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from temporalio.client import Client
from temporalio.service import RPCError

from activities import report_html, report_text
from activities.marks import frame
from activities.report_html import Figure
from deploy.local.receiver import Receiver
from deploy.local.state import State
from deploy.local.temporal import Temporal
from tests.e2e.cli_stand import poolmedic
from tests.e2e.collector import Collector, collecting
from tests.e2e.test_sealed_history import stored, until
from tests.e2e.test_services import Service, environment, serving
from tests.e2e.webhook_stand import TOKEN, alert, bearer, payload
from tests.unit.configurations import another, raw
from tests.workflow.stage import fresh_name
from workflows.models.report import Report

__all__ = ["environment"]

PLACES = ("token", "password", "row", "chat", "host", "key", "reader", "otel")


@contextlib.asynccontextmanager
async def refusing(mark: str) -> AsyncIterator[int]:
    """PostgreSQL that refuses whoever comes, and quotes a row in its details; gives its port."""
    said = {"S": "FATAL", "C": "28P01", "M": "nobody comes in", "D": f"{mark}-row"}
    fields = b"".join(name.encode() + text.encode() + b"\0" for name, text in said.items()) + b"\0"

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            length, code = struct.unpack("!II", await reader.readexactly(8))
            if code == 80877103:  # may it be encrypted?
                writer.write(b"N")
                (length,) = struct.unpack("!I", await reader.readexactly(4))
                await reader.readexactly(length - 4)
            else:
                await reader.readexactly(length - 8)
            writer.write(b"E" + struct.pack("!I", len(fields) + 4) + fields)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """A port that takes connections, so that a request is written; gives it."""

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def planted(
    environment: Mapping[str, str], mark: str, name: str, ports: tuple[int, int], receiver: Receiver
) -> dict[str, str]:
    """The environment with a secret in every place that takes one; two of them cannot be sent as they are."""
    prometheus, database = ports
    configured = raw() | {"targets": [another(name)]}
    configured["prometheus"] = {"url": f"http://127.0.0.1:{prometheus}", "token": "PROMETHEUS_TOKEN"}
    Path(environment["POOLMEDIC_CONFIG"]).write_text(yaml.safe_dump(configured))
    return dict(environment) | {
        "POOLMEDIC_TASK_QUEUE": f"cli-{name}",
        "PROMETHEUS_TOKEN": f"{mark}-token\n# of prometheus",
        "SHOP_DSN": f"postgresql://poolmedic:{mark}-password@127.0.0.1:{database}/shop",
        "ONCALL_URL": receiver.apprise_url(name).replace("://", f"://medic:{mark}-chat@"),
        "DBA_URL": f"json://{mark}-host.invalid/x",
        "POOLMEDIC_LINK_KEYS": f"{mark}-key",
        "POOLMEDIC_PUBLIC_URL": "https://poolmedic.example",
        "POOLMEDIC_READ_TOKENS": f"{mark}-reader",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization: Bearer {mark}-otel",
    }


async def run_until_told(service: Service, client: Client, name: str, said: str) -> Report:
    """Deliver an alert that says that, and wait until one level was told and another could not be."""
    await service.until("/readyz", 200)
    marked = alert(name, annotations={"summary": f"{said}-annotation"})
    marked["labels"] |= {"pod": f"{said}-label"}
    fired = payload(marked, marked | {"labels": {"alertname": f"{said}-other"}, "status": "resolved"})
    assert (await service.http.post("/alerts", json=fired, headers=bearer(TOKEN))).status_code == 200
    await until(client, name, lambda report: report.evidence and report.escalations)
    await service.until_logged("DBA_URL of route dba has not taken the page: JSON: ")
    report: Report = await client.get_workflow_handle(f"pool/{name}").query(
        "state", result_type=Report, rpc_timeout=timedelta(seconds=5)
    )
    return report


def written(report: Report) -> str:
    """The report as people and machines read it."""
    figure = Figure(frame(report), None, "nobody was asked")
    pages = (report_text.render(report), report_html.render(report, figure), report.model_dump_json())
    return "\n".join(pages)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


async def test_no_secret_is_left_anywhere(
    environment: dict[str, str],
    client: Client,
    temporal_server: Temporal,
    stack_state: State,
    receiver: Receiver,
    collector: Collector,
    tmp_path: Path,
) -> None:
    mark, said, name = f"mark{uuid4().hex[:12]}", f"said{uuid4().hex[:12]}", fresh_name()
    environment |= {
        "TEMPORAL_ADDRESS": temporal_server.address,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
    }
    async with listening() as prometheus, refusing(mark) as database:
        own = planted(environment, mark, name, (prometheus, database), receiver)
        async with serving("run", own, tmp_path / "log") as service:
            try:
                report = await run_until_told(service, client, name, said)
                metrics = (await service.http.get("/metrics", headers=bearer(TOKEN))).text
                shown = await poolmedic("show", name, environment=own)
                await collector.until("RunActivity:send_page")
            finally:
                with contextlib.suppress(RPCError):
                    await client.get_workflow_handle(f"pool/{name}").terminate("the test is over")
        checked = await poolmedic("check", environment=own)
    pages = [
        f"{message.body['title']}\n{message.body['message']}" for message in receiver.messages(f"/{name}")
    ]
    found = {
        "log": service.log.read_text(),
        "history": stored(stack_state, temporal_server).decode("latin-1"),
        "metrics": metrics,
        "shown": shown.out + shown.err,
        "checked": checked.out + checked.err,
        "traces": str(collector.spans),
        "pages": "\n".join(pages),
        "reports": written(report),
    }
    assert "broke off its answer (LocalProtocolError)" in found["history"], "the token was to be sent"
    assert "nobody comes in" in found["reports"], "the database was asked"
    assert "postgresql connect" in found["traces"]
    assert found["pages"], "the route with a password took its page"
    assert "Invalid" in found["log"] or "invalid" in found["log"], "the header of the traces was refused"
    leaks = [
        f"{place} in {where}"
        for where, text in found.items()
        for place in PLACES
        if f"{mark}-{place}" in text
    ]
    assert leaks == []
    assert not [where for where, text in found.items() if mark in text], "nor a piece of one"
    assert f"{said}-label" in found["reports"], "what an alert says is for its incident"
    assert not [where for where in ("log", "metrics", "traces", "pages") if said in found[where]], (
        "and no more"
    )
