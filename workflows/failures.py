"""What a failed activity means: a reason for people, or the outcome of an act."""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeout

from workflows.errors import NotPermitted, PreconditionGone, SourceUnavailable
from workflows.models.outcome import Outcome, OutcomeStatus, Touched

_TOUCHED = TypeAdapter(tuple[Touched, ...])
_WORKER_LEFT = "WorkerShutdown"
"""Temporal's own word for it."""
_UNHEARD = (SourceUnavailable.__name__, _WORKER_LEFT)
_LIMITS = {
    TimeoutType.SCHEDULE_TO_START: "no worker took it in time",
    TimeoutType.HEARTBEAT: "the worker that ran it was lost",
}


def explain(failure: ActivityError) -> str:
    """One sentence for a person: which activity failed, and why."""
    cause = failure.cause
    if isinstance(cause, ActivityTimeout):
        limit = _LIMITS.get(cause.type) if cause.type else None
        return f"{failure.activity_type}: {limit or 'it did not answer in time'}"
    source = cause if isinstance(cause, ApplicationError) else failure
    return f"{failure.activity_type}: {source.message}"


def outcome_of(failure: ActivityError) -> Outcome:
    """A lost attempt is `unknown`, with what its last heartbeat said was touched; it is never tried again.

    Acts end by themselves when their worker is told to; one of a worker that left before has no such word.
    """
    cause = failure.cause
    if isinstance(cause, ApplicationError) and cause.type == NotPermitted.__name__:
        return Outcome(status=OutcomeStatus.DENIED, detail=cause.message, until=_until(cause))
    return Outcome(status=_status(cause), touched=_heartbeat(cause), detail=explain(failure))


def was_left(failure: ActivityError) -> bool:
    """Whether the worker was told to end, and left before the activity had."""
    return isinstance(failure.cause, ApplicationError) and failure.cause.type == _WORKER_LEFT


def _until(denial: ApplicationError) -> datetime | None:
    told = denial.details[0] if denial.details else None
    return datetime.fromisoformat(told) if isinstance(told, str) else None


def _status(cause: BaseException | None) -> OutcomeStatus:
    if isinstance(cause, ActivityTimeout):
        was_started = cause.type is not TimeoutType.SCHEDULE_TO_START
        return OutcomeStatus.UNKNOWN if was_started else OutcomeStatus.NOTHING
    kind = cause.type if isinstance(cause, ApplicationError) else None
    if kind == PreconditionGone.__name__:
        return OutcomeStatus.NOTHING
    return OutcomeStatus.UNKNOWN if kind in _UNHEARD else OutcomeStatus.FAILED


def _heartbeat(cause: BaseException | None) -> tuple[Touched, ...]:
    details: Any = cause.last_heartbeat_details if isinstance(cause, ActivityTimeout) else ()
    try:
        return _TOUCHED.validate_python(details[0]) if details else ()
    except ValidationError:
        return ()
