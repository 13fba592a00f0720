"""Billable actions, counted from a history made by hand."""

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import ActivityTaskStartedEventAttributes, HistoryEvent
from temporalio.client import WorkflowHistory

from worker.history import count_actions


def history(*events: HistoryEvent) -> WorkflowHistory:
    return WorkflowHistory("pool/orders", events)


def event(name: str) -> HistoryEvent:
    return HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_{name}"))


def test_what_the_run_asks_of_the_server_is_billed() -> None:
    billed = (
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "ACTIVITY_TASK_SCHEDULED",
        "TIMER_STARTED",
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
    )
    for name in billed:
        assert count_actions(history(event(name))) == 1, name
    assert count_actions(history(*map(event, billed))) == len(billed)


def test_a_child_is_billed_twice() -> None:
    assert count_actions(history(event("START_CHILD_WORKFLOW_EXECUTION_INITIATED"))) == 2


def test_each_retry_of_an_activity_is_billed() -> None:
    started = HistoryEvent(
        event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        activity_task_started_event_attributes=ActivityTaskStartedEventAttributes(attempt=3),
    )
    assert count_actions(history(event("ACTIVITY_TASK_SCHEDULED"), started)) == 3


def test_bookkeeping_is_free() -> None:
    free = ("WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "TIMER_FIRED", "ACTIVITY_TASK_COMPLETED")
    assert count_actions(history(*map(event, free))) == 0
