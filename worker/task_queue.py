"""Whether anybody asks Temporal for the work of a task queue."""

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

LONGEST_SILENCE = timedelta(seconds=90)
"""A worker asks for work at least once a minute."""


async def is_polled(client: Client, name: str, patience: timedelta) -> bool:
    """Whether a worker asked for workflows lately, though it may have died since; raises `RPCError`."""
    polled_at = await last_polled(client, name, patience)
    return polled_at is not None and datetime.now(UTC) - polled_at < LONGEST_SILENCE


async def last_polled(client: Client, name: str, patience: timedelta) -> datetime | None:
    """When a worker last asked for workflows, by Temporal's clock; None if none did for minutes."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=name),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request, retry=False, timeout=patience)
    return max((poller.last_access_time.ToDatetime(UTC) for poller in answer.pollers), default=None)
