"""What a recorded run cost: Temporal Cloud's billable actions, counted from its history."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

_ACTIONS: Mapping[int, int] = MappingProxyType(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: 1,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: 1,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: 1,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: 1,
        EventType.EVENT_TYPE_TIMER_STARTED: 1,
        EventType.EVENT_TYPE_MARKER_RECORDED: 1,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: 1,
        EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: 1,
        EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: 2,
    }
)


def count_actions(history: WorkflowHistory) -> int:
    """Billable actions of one run, retries of activities included.

    Queries, refused updates and heartbeats leave no event and are not counted; what a child does by itself is
    in the child's own history.
    """
    return _count(history.events)


def _count(events: Sequence[HistoryEvent]) -> int:
    return sum(_ACTIONS.get(event.event_type, 0) + _retries(event) for event in events)


def _retries(event: HistoryEvent) -> int:
    return max(0, event.activity_task_started_event_attributes.attempt - 1)
