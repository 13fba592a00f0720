"""Temporary is temporary: a workflow of its own reverts a resize, whatever becomes of the incident."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from workflows import verification
from workflows.approval import UnreadableAnswer, read_name
from workflows.attributes import DATABASE, TARGET
from workflows.effects import Effects
from workflows.escalation import page
from workflows.guard import maintenance
from workflows.models.alert import Case
from workflows.models.base import Moment
from workflows.models.change import Change, ChangeEnding, ChangeSummary
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Level
from workflows.models.plan import Act, Resize
from workflows.models.reading import Known
from workflows.models.target import Target
from workflows.naming import TEMPORARY_WORKFLOW, temporary_id
from workflows.promises import promise
from workflows.waiting import happens


class TemporaryChangeStart:
    """Starts what will revert, before anything is changed; an act that is then refused withdraws it."""

    def __init__(self, case: Case, act: Act) -> None:
        self._case = case
        self._act = act
        self._handle: workflow.ChildWorkflowHandle[TemporaryChange, ChangeSummary] | None = None

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
            return "an earlier temporary size of this target is still in force; keep or end it first"
        return None

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


@workflow.defn(name=TEMPORARY_WORKFLOW, failure_exception_types=[ValidationError])
class TemporaryChange:
    """Waits for the time, a person who keeps it, or one who ends it early; checks before it reverts."""

    @workflow.init
    def __init__(self, change: Change) -> None:
        self.until = change.until
        self.kept_by = ""
        self.ended_by = ""
        self.effects = Effects(change.case)
        self._lasts = change.act.lasts
        self._told = dict.fromkeys(change.told)
        self._heard = 0

    @workflow.run
    async def run(self, change: Change) -> ChangeSummary:
        """Until it is reverted, kept by a person, or found gone."""
        while True:
            await self.due(change.case.target)
            heard = self._heard
            if self.kept_by:
                await promise(change.case.target, None)
                return ChangeSummary(ending=ChangeEnding.KEPT, by=self.kept_by, detail="kept for good")
            if summary := await self.revert(change):
                await promise(change.case.target, None)
                await self.tell(change, Level.L1, f"temporary pool size {summary.ending}", summary.detail)
                return summary
            if self._heard == heard or not workflow.patched("heard-while-looked-at"):
                self.until = workflow.now() + change.case.policy.pace.relook * 2
                self.ended_by = ""
            await promise(change.case.target, self.until)
            if self._should_begin_anew():
                changes = {"until": self.until, "told": tuple(self._told)}
                workflow.continue_as_new(change.model_copy(update=changes))

    def _should_begin_anew(self) -> bool:
        """The history is long; what a person has said meanwhile is done before."""
        is_long = workflow.info().is_continue_as_new_suggested() and not self._is_ended()
        return is_long and workflow.patched("long-changes-begin-anew")

    async def due(self, target: Target) -> None:
        """The end of its time, which a person can move."""
        while not self._is_ended():
            left = (self.until - workflow.now()).total_seconds()
            workflow.set_current_details(
                f"The temporary pool size ends at {self.until:%Y-%m-%d %H:%M:%S} UTC."
            )
            if not await happens(self._moved(self.until), left, f"temporary until {self.until:%H:%M:%S}"):
                return
            if not self._is_ended():
                await promise(target, self.until)

    def _is_ended(self) -> bool:
        return bool(self.kept_by or self.ended_by)

    def _moved(self, until: Moment) -> Callable[[], bool]:
        return lambda: self._is_ended() or self.until != until

    async def revert(self, change: Change) -> ChangeSummary | None:
        """Back to the baseline where the temporary size is in force and not needed; None: try again later."""
        pages = await self.effects.look()
        sizes = verification.sizes(pages)
        in_force = {name for name, size in change.act.sizes.items() if sizes.get(name) == size}
        if not in_force and set(sizes) >= set(change.act.sizes):
            return ChangeSummary(ending=ChangeEnding.GONE, by="", detail="the temporary size is not in force")
        if not set(sizes) >= set(change.act.sizes):
            await self.tell(
                change, Level.L2, "temporary pool size cannot be checked", "An instance did not answer."
            )
            return None
        if await self.is_held_back(change):
            return None
        if verification.would_crowd(pages, change.act.baseline, change.case.policy) and not self.ended_by:
            reason = (
                "More connections are in use than the configured size allows for: it would be crowded again. "
                "Keep it, or end it by signal."
            )
            await self.tell(change, Level.L1, "temporary pool size is still needed", reason)
            return None
        return await self.apply(change, in_force)

    async def is_held_back(self, change: Change) -> bool:
        """By maintenance: people are at work, and level 1 is told once. A person may end it all the same."""
        why = maintenance(change.case.policy, workflow.now())
        if not why or self.ended_by or not workflow.patched("maintenance-holds-back"):
            return False
        await self.tell(change, Level.L1, "temporary pool size stays for now", f"There is {why}.")
        return True

    async def apply(self, change: Change, in_force: set[str]) -> ChangeSummary | None:
        """One attempt; whatever is not certain is looked at again."""
        baseline = {name: size for name, size in change.act.baseline.items() if name in in_force}
        replaces = {name: change.act.sizes[name] for name in in_force}
        act = Resize(sizes=baseline, baseline=baseline, lasts=timedelta(), replaces=replaces)
        outcome = await self.effects.act(act, self.ended_by or "the end of its time")
        if outcome.status is OutcomeStatus.DONE:
            by = self.ended_by or "its time"
            return ChangeSummary(
                ending=ChangeEnding.REVERTED, by=by, detail=f"back to {baseline}, ended by {by}"
            )
        if outcome.status is OutcomeStatus.DENIED:
            await self.tell(change, Level.L1, "temporary pool size stays for now", outcome.detail)
        else:
            await self.tell(change, Level.L2, "temporary pool size could not be reverted", outcome.detail)
        return None

    async def tell(self, change: Change, level: Level, title: str, text: str) -> None:
        """Once per reason; what no route took is told again at the next look."""
        if title in self._told:
            return
        key = f"{workflow.info().workflow_id}/{workflow.info().run_id}/{title}"
        delivery = await self.effects.page(page(change.case, level, key, title, [text]))
        if not isinstance(delivery, Known):
            workflow.logger.warning("page not delivered: %s", delivery.reason)
        if isinstance(delivery, Known) or not workflow.patched("told-once-delivered"):
            self._told[title] = None

    @workflow.signal
    def keep(self, *payloads: Any) -> None:
        """A person makes it permanent: `{"by": name}`."""
        self.kept_by = self._name(payloads) or self.kept_by

    @workflow.signal
    def end(self, *payloads: Any) -> None:
        """A person ends it now: `{"by": name}`."""
        if name := self._name(payloads):
            self.ended_by = name
            self._heard += 1

    @workflow.signal
    def extend(self, *payloads: Any) -> None:
        """A person gives it the same time again: `{"by": name}`."""
        if self._name(payloads):
            self.until = max(self.until, workflow.now()) + self._lasts
            self._heard += 1

    def _name(self, payloads: tuple[Any, ...]) -> str:
        try:
            return read_name(payloads)
        except UnreadableAnswer as error:
            workflow.logger.warning("signal not understood: %s", error)
            return ""
