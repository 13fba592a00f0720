"""What the guards judge, read right before an act."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow

from workflows import guard, patches
from workflows.calm import Calm
from workflows.display import show
from workflows.effects import Effects
from workflows.limits import room_left
from workflows.models.approval import PIPELINE
from workflows.models.diagnosis import PASSING
from workflows.models.evidence import Evidence
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Act, Proposal, Resize
from workflows.record import Record
from workflows.temporary_start import TemporaryChangeStart
from workflows.waiting import happens


class Safeguard:
    """Stands before every act of one incident."""

    def __init__(
        self, record: Record, effects: Effects, is_free: Callable[[], Awaitable[bool | None]]
    ) -> None:
        self._record = record
        self._effects = effects
        self._is_free = is_free
        self._evidence: Evidence | None = None
        self._change: TemporaryChangeStart | None = None
        self._doubted: TemporaryChangeStart | None = None

    async def refusal(self, proposal: Proposal, by: str) -> str | None:
        """Every guard, read now; None when the act may be done. A guard that cannot be read refuses."""
        record, case = self._record, self._record.case
        if record.evidence is None:
            return "there is no evidence"
        if isinstance(proposal.act, Resize):
            await self._await_earlier()
        self._evidence = evidence = await self._renew(record.evidence, proposal)
        self._change = change = TemporaryChangeStart(case, proposal.act)
        pages, silence, not_begun = await asyncio.gather(
            self._effects.look(), self._effects.read_silence(), change.begin()
        )

        def checked(*, awaits_restarts: bool) -> str | None:
            return guard.check(
                proposal,
                evidence=evidence,
                pages=pages,
                silence=silence,
                attempts=tuple(record.attempts),
                target=case.target,
                policy=patches.policy_in_this_run(case.policy),
                now=workflow.now(),
                approved_by=None if by == PIPELINE else by,
                awaits_restarts=awaits_restarts,
            )

        refused = patches.refusal_in_this_run(checked(awaits_restarts=True), checked(awaits_restarts=False))
        if refused:
            change.withdraw()
        return refused or not_begun

    def rests_until(self, act: Act) -> datetime | None:
        """The end of the cooldown, where that is still to come."""
        policy = patches.policy_in_this_run(self._record.case.policy)
        until = guard.rests_until(tuple(self._record.attempts), policy, act.option)
        is_ahead = until is not None and until > workflow.now()
        return until if is_ahead and workflow.patched("cooldowns-are-waited-for") else None

    async def conclude(self, outcome: Outcome) -> None:
        """Where nothing was changed there is nothing to take back, and nothing in the way of the next try.

        Where that is not certain, what would take it back finds it out.
        """
        change, status = self._change, outcome.status
        is_unchanged = status in (OutcomeStatus.DENIED, OutcomeStatus.NOTHING)
        if change and is_unchanged and workflow.patched("unchanged-sizes-are-withdrawn"):
            change.withdraw()
        is_doubted = status in (OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN)
        if change and change.has_begun and is_doubted and workflow.patched("doubted-sizes-are-looked-at"):
            self._doubted = change
            await change.doubt(outcome)

    def room(self, act: Act) -> int:
        """Slots that nobody needs once a resize is done, by the look that the last refusal rests on."""
        if not isinstance(act, Resize) or self._evidence is None:
            return 0
        return room_left(act, self._evidence, self._record.case.target, self._record.case.policy)

    async def _await_earlier(self) -> None:
        """Who approved is not asked in vain: what became of the resize before is known soon."""
        if not self._doubted or (left := self._doubted.left) <= timedelta():
            return
        record, now = self._record, workflow.now()
        why = "an earlier resize whose outcome is not certain is looked at first"
        record.note(now, f"{why}, until {now + left:%H:%M:%S} UTC at most")
        show(record)
        if workflow.patched("the-pool-is-watched-meanwhile"):
            await self._watch_until_known(now + left, why)
        else:
            await happens(self._is_known, left.total_seconds(), why)

    async def _watch_until_known(self, until: datetime, why: str) -> None:
        """Minutes may pass, in which the pool may get free by itself: then its clocks stop."""
        record, policy = self._record, self._record.case.policy
        calm = Calm(policy.clear_window.length)
        while not self._is_known() and (left := until - workflow.now()) > timedelta():
            wait, seen = min(left, policy.pace.relook).total_seconds(), record.hears_after(record.news)

            def wakes(is_heard: Callable[[], bool] = seen) -> bool:
                return self._is_known() or is_heard()

            await happens(wakes, wait, why)
            if self._is_known() or calm.lasts(await self._is_free(), workflow.now()):
                return

    def _is_known(self) -> bool:
        """What became of the earlier resize."""
        return self._doubted is None or self._doubted.is_over

    async def _renew(self, evidence: Evidence, proposal: Proposal) -> Evidence:
        """An answer may take its time: slots, queues and statements are looked at again before the act."""
        is_old = workflow.now() - evidence.at > self._record.case.policy.thresholds.fresh_for
        if is_old and proposal.cause in PASSING:
            renewed = await self._effects.investigate()
            return renewed.model_copy(update={"index": evidence.index})
        if is_old and isinstance(proposal.act, Resize) and workflow.patched("slots-read-again"):
            return await self._effects.investigate()
        return evidence
