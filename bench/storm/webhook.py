"""The webhook as people run it, before a Temporal server with a file database; no worker lives."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client

from deploy.local import probes, temporal
from deploy.local.process import Command, Process
from deploy.local.state import State
from workflows import attributes
from workflows.payloads import converter

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 30.0


@dataclass(frozen=True)
class Webhook:
    """A running webhook, and the Temporal server that it hands alerts to."""

    process: Process
    url: str
    token: str
    client: Client

    def memory(self) -> float:
        """Resident, in MiB; the most there has been (`VmHWM`)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024


@contextlib.asynccontextmanager
async def serve(folder: Path, targets: list[str]) -> AsyncIterator[Webhook]:
    """Both, until the block ends; raises StackError if one does not come up."""
    state = State(folder)
    kinds = {key.name: "Keyword" for key in attributes.ALL}
    try:
        async with temporal.serve(state, temporal.Settings(search_attributes=kinds)) as server:
            process, url = _prepare(state, server.address, targets)
            process.start()
            try:
                await process.wait_ready(probes.http(f"{url}/healthz"), SECONDS_TO_START)
                client = await Client.connect(server.address, data_converter=converter)
                yield Webhook(process, url, state.secret("webhook-token"), client)
            finally:
                await process.stop()
    finally:
        state.close()


def _prepare(state: State, temporal_address: str, targets: list[str]) -> tuple[Process, str]:
    file = state.folder / "poolmedic.yaml"
    file.write_text(yaml.safe_dump(_configuration(targets)))
    port = state.port("webhook")
    environment = {
        "TEMPORAL_ADDRESS": temporal_address,
        "POOLMEDIC_CONFIG": str(file),
        "POOLMEDIC_PORT": str(port),
        "POOLMEDIC_WEBHOOK_TOKENS": state.secret("webhook-token"),
        "POOLMEDIC_LOG_LEVEL": "error",
    }
    arguments = [sys.executable, "-m", "worker", "webhook"]
    command = Command(name="webhook", arguments=arguments, environment=environment, directory=ROOT)
    return Process(state, command), f"http://127.0.0.1:{port}"


def _configuration(targets: list[str]) -> dict[str, Any]:
    routes = {"people": ["PEOPLE_URL"]}
    return {
        "prometheus": {"url": "http://127.0.0.1:9"},
        "routes": routes,
        "targets": [
            {
                "name": name,
                "matchers": {"job": name},
                "profile": "covetpy",
                "selector": {"job": name},
                "instances": [{"name": name, "url": "http://127.0.0.1:9", "pool_size": 20}],
                "database": {
                    "name": "main",
                    "dsn": "DSN",
                    "dbname": "shop",
                    "role": "shop",
                    "application_names": [name],
                },
                "routes": {"l1": list(routes), "l2": list(routes), "l3": list(routes)},
            }
            for name in targets
        ],
    }
