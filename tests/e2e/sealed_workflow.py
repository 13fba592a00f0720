"""A workflow that says a mark in every way in which a workflow can say something to Temporal."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.workflow import ParentClosePolicy

_SHORT = timedelta(seconds=10)


@activity.defn
async def say(mark: str) -> str:
    """Heartbeat, fail the first time, then answer."""
    activity.heartbeat(f"{mark}-heartbeat")
    if activity.info().attempt == 1:
        raise ApplicationError(f"{mark}-message", f"{mark}-detail") from ValueError(f"{mark}-cause")
    return f"{mark}-result"


@activity.defn
async def fall_silent(mark: str) -> None:
    """Heartbeat once, and never again until the server gives it up."""
    activity.heartbeat(f"{mark}-last-heartbeat")
    raise ApplicationError(f"{mark}-end", non_retryable=True)


@workflow.defn
class Listener:
    """A child that waits to be told something."""

    def __init__(self) -> None:
        self.heard = ""

    @workflow.run
    async def run(self, mark: str) -> str:
        """What it was told."""
        await workflow.wait_condition(lambda: bool(self.heard))
        return f"{mark}-child-result {self.heard}"

    @workflow.signal
    def hear(self, text: str) -> None:
        """From the parent."""
        self.heard = text


@workflow.defn
class Speaker:
    """Says it all, then waits for a signal and fails with it."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @workflow.run
    async def run(self, mark: str, is_second: bool = False) -> str:
        """Begins anew once, and ends in a failure."""
        if not is_second:
            workflow.continue_as_new(args=[mark, True], memo={"again": f"{mark}-memo-again"})
        workflow.upsert_memo({"later": f"{mark}-memo-later"})
        workflow.set_current_details(f"{mark}-current-details")
        await workflow.sleep(0.01, summary=f"{mark}-timer")
        child = await workflow.start_child_workflow(
            Listener.run,
            f"{mark}-child",
            id=f"{workflow.info().workflow_id}-child",
            memo={"child": f"{mark}-memo-child"},
            static_summary=f"{mark}-child-summary",
            static_details=f"{mark}-child-details",
            parent_close_policy=ParentClosePolicy.TERMINATE,
        )
        await child.signal(Listener.hear, f"{mark}-told")
        told = await child
        quick = RetryPolicy(initial_interval=timedelta(milliseconds=10), maximum_attempts=2)
        said = await workflow.execute_activity(
            say,
            mark,
            start_to_close_timeout=_SHORT,
            retry_policy=quick,
            summary=f"{mark}-activity-summary",
        )
        await workflow.wait_condition(lambda: bool(self.heard))
        try:
            await workflow.execute_activity(fall_silent, mark, start_to_close_timeout=_SHORT)
        except ActivityError as failure:
            raise ApplicationError(f"{mark}-failed", told, said, *self.heard) from failure
        return "not reached"

    @workflow.signal
    def hear(self, text: str) -> None:
        """From outside."""
        self.heard.append(text)

    @workflow.query
    def answer(self, text: str) -> str:
        """Something of its own, with what was asked."""
        return f"{text}-answered"

    @workflow.update
    async def change(self, text: str) -> str:
        """Refuses an empty text by its validator."""
        return f"{text}-changed"

    @change.validator
    def _is_text(self, text: str) -> None:
        if text.endswith("-refused"):
            raise ValueError(f"{text}-because")
