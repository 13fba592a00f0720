"""Questions to a run's history: what was started, what became of it, and which workers took part."""

import json
from collections.abc import Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

type Events = Sequence[HistoryEvent]

ENDS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "activity_task_completed_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: "activity_task_failed_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: "activity_task_timed_out_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: "activity_task_canceled_event_attributes",
}


def scheduled(events: Events, activity: str) -> list[HistoryEvent]:
    """Every time this activity was asked for."""
    kind = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    return [
        each
        for each in _of(events, kind)
        if each.activity_task_scheduled_event_attributes.activity_type.name == activity
    ]


def start_of(events: Events, asked: HistoryEvent) -> HistoryEvent | None:
    """Its start, once it has ended: the server writes both down together."""
    found = _of(events, EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    ours = (each.activity_task_started_event_attributes.scheduled_event_id for each in found)
    return dict(zip(ours, found, strict=True)).get(asked.event_id)


def end_of(events: Events, asked: HistoryEvent) -> HistoryEvent | None:
    """Its end, of whichever kind."""
    found = [each for each in events if each.event_type in ENDS]
    ours = (getattr(each, ENDS[each.event_type]).scheduled_event_id for each in found)
    return dict(zip(ours, found, strict=True)).get(asked.event_id)


def timers(events: Events, summary: str) -> list[HistoryEvent]:
    """Every timer whose line in the Temporal UI begins so."""
    return [
        each for each in _of(events, EventType.EVENT_TYPE_TIMER_STARTED) if _line(each).startswith(summary)
    ]


def is_fired(events: Events, timer: HistoryEvent) -> bool:
    found = _of(events, EventType.EVENT_TYPE_TIMER_FIRED)
    return timer.event_id in {each.timer_fired_event_attributes.started_event_id for each in found}


def workers(events: Events) -> list[str]:
    """Who did the workflow's tasks, in the order in which they came to it."""
    found = _of(events, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    return list(dict.fromkeys(each.workflow_task_completed_event_attributes.identity for each in found))


def _of(events: Events, kind: EventType.ValueType) -> list[HistoryEvent]:
    return [each for each in events if each.event_type == kind]


def _line(event: HistoryEvent) -> str:
    data = event.user_metadata.summary.data
    return str(json.loads(data)) if data else ""
