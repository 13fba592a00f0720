"""Speaking to a run so that its workers understand: sealed with the key that its beginning is sealed with.

A message that they cannot open would hold the run up, clocks included, until they have the key. Whoever began
the run and whoever works on it share that key; a person's own machine may have others.
"""

from datetime import timedelta

from temporalio.api.common.v1 import Payload
from temporalio.client import Client

from worker.sealing import Sealing, sealing_with

QUICK = timedelta(seconds=5)


async def speaking_to(client: Client, workflow_id: str, run_id: str | None = None) -> Client:
    """A client for messages to this run; raises `PayloadSealed` where there is no key that it knows.

    Raises `RPCError`, also where there is no such run.
    """
    codec = client.data_converter.payload_codec
    if not isinstance(codec, Sealing) or not codec.has_keys:
        return client
    return _with(client, codec.like(await _beginning(client, workflow_id, run_id)))


def readable(client: Client) -> Client:
    """One that seals nothing: whatever keys a worker has, it understands."""
    return _with(client, Sealing(()))


def _with(client: Client, codec: Sealing) -> Client:
    config = client.config()
    config["data_converter"] = sealing_with(codec)
    return Client(**config)


async def _beginning(client: Client, workflow_id: str, run_id: str | None) -> Payload:
    """The run's first input, as Temporal keeps it."""
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    async for event in handle.fetch_history_events(page_size=1, rpc_timeout=QUICK):
        payloads = event.workflow_execution_started_event_attributes.input.payloads
        return payloads[0] if payloads else Payload()
    return Payload()
