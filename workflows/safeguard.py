"""What the guards judge, read right before an act."""

import asyncio
from datetime import datetime

from temporalio import workflow

from workflows import guard, patches
from workflows.effects import Effects
from workflows.limits import room_left
from workflows.models.approval import PIPELINE
from workflows.models.diagnosis import PASSING
from workflows.models.evidence import Evidence
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.plan import Act, Proposal, Resize
from workflows.record import Record
from workflows.temporary_change import TemporaryChangeStart


class Safeguard:
    """Stands before every act of one incident."""

    def __init__(self, record: Record, effects: Effects) -> None:
        self._record = record
        self._effects = effects
        self._evidence: Evidence | None = None
        self._change: TemporaryChangeStart | None = None

    async def refusal(self, proposal: Proposal, by: str) -> str | None:
        """Every guard, read now; None when the act may be done. A guard that cannot be read refuses."""
        record, case = self._record, self._record.case
        if record.evidence is None:
            return "there is no evidence"
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
                policy=case.policy,
                now=workflow.now(),
                approved_by=None if by == PIPELINE else by,
                awaits_restarts=awaits_restarts,
            )

        refused = patches.refusal_in_this_run(checked(awaits_restarts=True), checked(awaits_restarts=False))
        if refused:
            change.withdraw()
        return refused or not_begun

    def rests_until(self) -> datetime | None:
        """The end of the cooldown, where that is still to come."""
        until = guard.rests_until(tuple(self._record.attempts), self._record.case.policy)
        is_ahead = until is not None and until > workflow.now()
        return until if is_ahead and workflow.patched("cooldowns-are-waited-for") else None

    def conclude(self, outcome: Outcome) -> None:
        """Where nothing was changed there is nothing to take back, and nothing in the way of the next try."""
        is_unchanged = outcome.status in (OutcomeStatus.DENIED, OutcomeStatus.NOTHING)
        if self._change and is_unchanged and workflow.patched("unchanged-sizes-are-withdrawn"):
            self._change.withdraw()

    def room(self, act: Act) -> int:
        """Slots that nobody needs once a resize is done, by the look that the last refusal rests on."""
        if not isinstance(act, Resize) or self._evidence is None:
            return 0
        return room_left(act, self._evidence, self._record.case.target, self._record.case.policy)

    async def _renew(self, evidence: Evidence, proposal: Proposal) -> Evidence:
        """An answer may take its time: slots, queues and statements are looked at again before the act."""
        is_old = workflow.now() - evidence.at > self._record.case.policy.thresholds.fresh_for
        if is_old and proposal.cause in PASSING:
            renewed = await self._effects.investigate()
            return renewed.model_copy(update={"index": evidence.index})
        if is_old and isinstance(proposal.act, Resize) and workflow.patched("slots-read-again"):
            return await self._effects.investigate()
        return evidence
