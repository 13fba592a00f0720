"""What a failed activity means for the act that it was: row by row."""

from dataclasses import dataclass

import pytest
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeout

from workflows.failures import outcome_of
from workflows.models.outcome import OutcomeStatus, Touched
from workflows.patches import outcome_in_this_run

TOUCHED = Touched(what="pid 7", changed=True, result="told to end")
SAID = [[TOUCHED.model_dump()]]


@dataclass(frozen=True)
class Row:
    cause: BaseException
    status: OutcomeStatus
    touched: tuple[Touched, ...] = ()


def timeout(kind: TimeoutType, *details: object) -> ActivityTimeout:
    return ActivityTimeout("too late", type=kind, last_heartbeat_details=details)


def failed(kind: str, *details: object) -> ApplicationError:
    return ApplicationError("why", *details, type=kind)


def activity(cause: BaseException) -> ActivityError:
    failure = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="terminate_sessions",
        activity_id="1",
        retry_state=None,
    )
    failure.__cause__ = cause
    return failure


ROWS = {
    "no worker took it": Row(timeout(TimeoutType.SCHEDULE_TO_START), OutcomeStatus.NOTHING),
    "lost": Row(timeout(TimeoutType.HEARTBEAT, *SAID), OutcomeStatus.UNKNOWN, (TOUCHED,)),
    "lost before it said anything": Row(timeout(TimeoutType.HEARTBEAT), OutcomeStatus.UNKNOWN),
    "lost with details that make no sense": Row(timeout(TimeoutType.HEARTBEAT, 7), OutcomeStatus.UNKNOWN),
    "too long": Row(timeout(TimeoutType.START_TO_CLOSE, *SAID), OutcomeStatus.UNKNOWN, (TOUCHED,)),
    "its worker left": Row(failed("WorkerShutdown"), OutcomeStatus.UNKNOWN),
    "no answer": Row(failed("SourceUnavailable"), OutcomeStatus.UNKNOWN),
    "not as it was": Row(failed("PreconditionGone"), OutcomeStatus.NOTHING),
    "no permit": Row(failed("NotPermitted"), OutcomeStatus.DENIED),
    "refused": Row(failed("SourceRefused"), OutcomeStatus.FAILED),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_failure_is_an_outcome(row: Row) -> None:
    outcome = outcome_of(activity(row.cause))

    assert (outcome.status, outcome.touched) == (row.status, row.touched)


@pytest.mark.parametrize(("is_new", "status"), [(True, OutcomeStatus.UNKNOWN), (False, OutcomeStatus.FAILED)])
def test_a_run_that_heard_it_as_a_failure_goes_on_so(
    monkeypatch: pytest.MonkeyPatch, is_new: bool, status: OutcomeStatus
) -> None:
    monkeypatch.setattr("workflows.patches.workflow.patched", lambda _name: is_new)

    assert outcome_in_this_run(activity(failed("WorkerShutdown"))).status is status
