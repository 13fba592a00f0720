"""The start of what will revert a resize, before the resize is done, and what becomes of it after that."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError, is_cancelled_exception
from temporalio.workflow import ParentClosePolicy

from workflows.attributes import DATABASE, TARGET
from workflows.models.alert import Case
from workflows.models.change import Change, ChangeSummary, Doubt
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Act, Resize
from workflows.naming import temporary_id
from workflows.options import LEASE
from workflows.temporary_change import TemporaryChange


class TemporaryChangeStart:
    """Starts what will revert, before anything is changed; an act that is then refused withdraws it."""

    def __init__(self, case: Case, act: Act) -> None:
        self._case = case
        self._act = act
        self._handle: workflow.ChildWorkflowHandle[TemporaryChange, ChangeSummary] | None = None
        self._known_by: datetime | None = None

    async def begin(self) -> str | None:
        """Why it could not be started, or None; an act that is not temporary needs none."""
        if not isinstance(self._act, Resize):
            return None
        name, until = self._case.target.name, workflow.now() + self._act.lasts
        try:
            self._handle = await workflow.start_child_workflow(
                TemporaryChange.run,
                Change(case=self._case, act=self._act, until=until),
                id=temporary_id(name),
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{name}: back to {self._act.baseline} at {until:%H:%M:%S} UTC",
                search_attributes=_attributes(self._case),
            )
        except WorkflowAlreadyStartedError:
            return (
                "an earlier resize of this target has not ended: its size is in force, or that is not known "
                "yet; keep or end it first"
            )
        return None

    @property
    def has_begun(self) -> bool:
        """Whether there is something that would revert."""
        return self._handle is not None

    @property
    def is_over(self) -> bool:
        """Whether that has ended."""
        return self._handle is None or self._handle.done()

    @property
    def left(self) -> timedelta:
        """How long it may take yet until it is known whether an act in doubt changed anything."""
        if self._known_by is None or self.is_over:
            return timedelta()
        return self._known_by - workflow.now()

    async def doubt(self, outcome: Outcome) -> None:
        """The act may have changed nothing. Unheard, what would revert waits for its time."""
        if self._handle is None:
            return
        until = workflow.now() + LEASE
        self._known_by = until + self._case.policy.pace.relook
        is_told = outcome.status is OutcomeStatus.FAILED and bool(outcome.touched)
        is_told = is_told and not any(each.changed for each in outcome.touched)
        try:
            await self._handle.signal(TemporaryChange.doubt, Doubt(until=until, is_told=is_told))
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            workflow.logger.info("nothing reverts a size of %s any more", self._case.target.name)

    def withdraw(self) -> None:
        """Nothing was changed, so nothing will be reverted."""
        if self._handle is not None:
            self._handle.cancel()


def _attributes(case: Case) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(TARGET, case.target.name),
            SearchAttributePair(DATABASE, case.target.database.name),
        ]
    )
