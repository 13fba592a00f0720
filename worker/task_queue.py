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
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=name),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request, retry=False, timeout=patience)
    since = datetime.now(UTC) - LONGEST_SILENCE
    return any(poller.last_access_time.ToDatetime(UTC) > since for poller in answer.pollers)
