"""Temporary is temporary: a workflow of its own reverts a resize, whatever becomes of the incident."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from temporalio import workflow

from workflows import verification
from workflows.effects import Effects
from workflows.escalation import page
from workflows.guard import maintenance
from workflows.models.base import Moment
from workflows.models.change import Change, ChangeEnding, ChangeSummary, Doubt
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.page import Level
from workflows.models.plan import Resize
from workflows.models.reading import Known
from workflows.models.target import Target
from workflows.naming import TEMPORARY_WORKFLOW
from workflows.options import LEASE
from workflows.promises import KEPT, promise
from workflows.temporary_messages import TemporaryMessages
from workflows.waiting import happens

_NOT_KNOWN = "temporary pool size: whether it is in force is not known yet"
_NOT_KNOWN_OF_FILES = "temporary pool size may be in a file"


def _gone(detail: str) -> ChangeSummary:
    return ChangeSummary(ending=ChangeEnding.GONE, by="", detail=detail)


@workflow.defn(name=TEMPORARY_WORKFLOW, failure_exception_types=[ValidationError])
class TemporaryChange(TemporaryMessages):
    """Waits for the time, a person who keeps it, or one who ends it early; checks before it reverts."""

    @workflow.init
    def __init__(self, change: Change) -> None:
        super().__init__(change)
        self.effects = Effects(change.case)
        self._told = dict.fromkeys(change.told)

    @workflow.run
    async def run(self, change: Change) -> ChangeSummary:
        """Until it is reverted, kept by a person, or found gone."""
        while True:
            await self.due(change.case.target)
            heard = self._heard
            if self.kept_by:
                await promise(change.case.target, workflow.now() + KEPT)
                return ChangeSummary(
                    ending=ChangeEnding.KEPT, by=self.kept_by, detail="kept for good", said=self._said
                )
            doubt = self._due_doubt()
            if summary := await (self.find_out(change, doubt) if doubt else self.revert(change)):
                await promise(change.case.target, None)
                await self.tell(change, Level.L1, f"temporary pool size {summary.ending}", summary.detail)
                return summary.model_copy(update={"said": self._said})
            if doubt is None:
                await self.put_off(change, heard)
            if self._should_begin_anew():
                workflow.continue_as_new(change.model_copy(update=self._known()))

    def _known(self) -> dict[str, Any]:
        """What the next run has to know."""
        told = tuple(self._told)
        return {"until": self.until, "told": told, "doubt": self._doubt, "said": self._said}

    async def put_off(self, change: Change, heard: int) -> None:
        """Until the next look, unless a person has said something since."""
        if self._heard == heard or not workflow.patched("heard-while-looked-at"):
            self.until = workflow.now() + change.case.policy.pace.relook * 2
            self.ended_by = ""
        await promise(change.case.target, self.until)

    def _should_begin_anew(self) -> bool:
        """The history is long; what a person has said meanwhile is done before."""
        is_long = workflow.info().is_continue_as_new_suggested() and not self._is_ended()
        return is_long and workflow.patched("long-changes-begin-anew")

    async def due(self, target: Target) -> None:
        """The end of its time, which a person can move; or of an act that is in doubt."""
        while not self._is_ended():
            until = self._next
            left = (until - workflow.now()).total_seconds()
            is_end = until == self.until
            what = "The temporary pool size ends" if is_end else "The next look whether there is one is"
            self._show(f"{what} at {until:%Y-%m-%d %H:%M:%S} UTC.")
            if not await happens(self._moved(until), left, f"temporary until {until:%H:%M:%S}"):
                return
            if not self._is_ended():
                await promise(target, self.until)

    @property
    def _next(self) -> Moment:
        return min(self.until, self._doubt.until) if self._doubt else self.until

    def _due_doubt(self) -> Doubt | None:
        """What was waited for, if not the end of its time or a person."""
        doubt = self._doubt
        return doubt if doubt and doubt.until <= self.until and not self._is_ended() else None

    def _is_ended(self) -> bool:
        return bool(self.kept_by or self.ended_by)

    def _moved(self, until: Moment) -> Callable[[], bool]:
        return lambda: self._is_ended() or self._next != until

    async def settle(self, change: Change) -> ChangeSummary | None:
        """Nothing is in force; while an act in doubt may be under way it may come into force yet."""
        doubt = self._doubt
        if doubt is None:
            return _gone("the temporary size is not in force")
        left = (doubt.until - workflow.now()).total_seconds()
        await happens(lambda: bool(self.kept_by), left, "an act in doubt may be under way")
        summary = await self.find_out(change, doubt)
        return summary if summary or self._doubt else await self.revert(change)

    async def find_out(self, change: Change, doubt: Doubt) -> ChangeSummary | None:
        """Whether an act in doubt changed anything; None: something is in force, or it is not known yet."""
        policy, act = change.case.policy, change.act
        sizes = verification.sizes(await self.effects.look())
        if any(sizes.get(name) == size for name, size in act.sizes.items()):
            self._doubt = None
            return None
        self._look_again(doubt, policy.pace.relook)
        if not set(sizes) >= set(act.sizes):
            await self.tell(change, Level.L1, _NOT_KNOWN, "An instance did not answer.")
            return None
        unread = {name for name, size in act.baseline.items() if sizes.get(name) == size}
        is_seen_to = bool(self.ended_by) and _NOT_KNOWN_OF_FILES in self._told
        if doubt.is_told or is_seen_to or not unread:
            return _gone("no pool has the temporary size")
        if why := maintenance(policy, workflow.now()):
            await self.tell(change, Level.L1, _NOT_KNOWN, f"There is {why}.")
            return None
        return await self.clear(change, unread, doubt)

    async def clear(self, change: Change, unread: set[str], doubt: Doubt) -> ChangeSummary | None:
        """No pool has the size, but a file may ask for it since: it would come with the next restart."""
        outcome = await self.take_back(change, unread, "a look after an act in doubt")
        if outcome.status is OutcomeStatus.DONE:
            return _gone("no pool has the temporary size, and no file asks for it")
        if outcome.status is not OutcomeStatus.DENIED:
            self._look_again(doubt, LEASE)
            self.ended_by = ""
            text = (
                f"No pool has it, but a file may ask for it, and a restart would bring it: {outcome.detail}. "
                "Look at the file, then end it by signal."
            )
            await self.tell(change, Level.L2, _NOT_KNOWN_OF_FILES, text)
        elif outcome.until is None:
            await self.tell(change, Level.L1, _NOT_KNOWN, outcome.detail)
        return None

    def _look_again(self, doubt: Doubt, after: timedelta) -> None:
        """At the end of its time at the latest, which is judged as always."""
        until = workflow.now() + after
        self._doubt = doubt.model_copy(update={"until": until}) if until < self.until else None

    async def revert(self, change: Change) -> ChangeSummary | None:
        """Back to the baseline where the temporary size is in force and not needed; None: try again later."""
        pages = await self.effects.look()
        sizes = verification.sizes(pages)
        in_force = {name for name, size in change.act.sizes.items() if sizes.get(name) == size}
        if not in_force and set(sizes) >= set(change.act.sizes):
            return await self.settle(change)
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
                f"Keep or end it: poolmedic size keep {change.case.target.name} --by <your name>   (or: end)"
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
        outcome = await self.take_back(change, in_force, self.ended_by or "the end of its time")
        if outcome.status is OutcomeStatus.DONE:
            by = self.ended_by or "its time"
            baseline = {name: size for name, size in change.act.baseline.items() if name in in_force}
            return ChangeSummary(
                ending=ChangeEnding.REVERTED, by=by, detail=f"back to {baseline}, ended by {by}"
            )
        if outcome.status is OutcomeStatus.DENIED:
            await self.tell(change, Level.L1, "temporary pool size stays for now", outcome.detail)
        else:
            await self.tell(change, Level.L2, "temporary pool size could not be reverted", outcome.detail)
        return None

    async def take_back(self, change: Change, names: set[str], by: str) -> Outcome:
        """The configured size on these instances, where the temporary one is."""
        baseline = {name: size for name, size in change.act.baseline.items() if name in names}
        replaces = {name: change.act.sizes[name] for name in names}
        act = Resize(sizes=baseline, baseline=baseline, lasts=timedelta(), replaces=replaces)
        return await self.effects.act(act, by)

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
