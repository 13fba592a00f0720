"""What Temporal has: every alert that was taken must be in the history of its target's one run."""

from __future__ import annotations

from collections.abc import Iterable

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.storm.deliveries import Alert
from workflows.models.alert import Alert as Delivered
from workflows.naming import SIGNAL, workflow_id

SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def count_lost(client: Client, taken: Iterable[Alert]) -> int:
    """Firing alerts that were answered with 2xx and are in no history."""
    firing = {alert for alert in taken if alert.is_firing}
    held = {target: await _alerts_of(client, target) for target in {alert.target for alert in firing}}
    return sum(alert.identity not in held[alert.target] for alert in firing)


async def count_runs(client: Client, targets: Iterable[str]) -> dict[str, int]:
    """Runs by target; nothing ends here, so that more than one would be one too many."""
    runs = dict.fromkeys(targets, 0)
    async for run in client.list_workflows("WorkflowType = 'Incident'"):
        runs[run.id.removeprefix(workflow_id(""))] += 1
    return runs


async def _alerts_of(client: Client, target: str) -> set[tuple[str, object]]:
    found = set[tuple[str, object]]()
    handle = client.get_workflow_handle(workflow_id(target))
    async for event in handle.fetch_history_events():
        signaled = event.workflow_execution_signaled_event_attributes
        if event.event_type == SIGNALED and signaled.signal_name == SIGNAL:
            (alert,) = await client.data_converter.decode(signaled.input.payloads, [Delivered])
            found.add((alert.fingerprint, alert.starts_at))
    return found
