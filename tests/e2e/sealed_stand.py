"""Processes and clients with keys of their own."""

import base64

from temporalio.client import Client

from deploy.local.temporal import Temporal
from worker.payload_keys import PayloadKey
from worker.sealing import sealing_converter


def setting(*keys: PayloadKey) -> dict[str, str]:
    """What a process is told of these keys."""
    entries = (f"{key.id}:{base64.b64encode(key.secret).decode()}" for key in keys)
    return {"POOLMEDIC_PAYLOAD_KEYS": " ".join(entries)} if keys else {}


async def client_with(temporal: Temporal, *keys: PayloadKey) -> Client:
    """One that has these keys."""
    return await Client.connect(temporal.address, data_converter=sealing_converter(keys))
