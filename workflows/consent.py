"""Asking a person before an act."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow

from workflows import escalation
from workflows.approval import approval_request
from workflows.display import show
from workflows.models.approval import Request
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.page import Level
from workflows.models.plan import Proposal
from workflows.people import People
from workflows.record import Record
from workflows.waiting import happens


class Consent:
    """One request at a time; the first valid answer wins, silence is not a no, and a free pool withdraws."""

    def __init__(self, record: Record, people: People, is_free: Callable[[], Awaitable[bool | None]]) -> None:
        self._record = record
        self._people = people
        self._is_free = is_free

    async def ask(self, proposal: Proposal) -> str | None:
        """Who approved; None when nobody did."""
        record, now = self._record, workflow.now()
        request = approval_request(proposal, record.case.policy, workflow.uuid4().hex[:8], now)
        record.ask(request)
        record.lapse(now)
        lines = escalation.request_lines(request, workflow.info().workflow_id)
        if record.diagnosis and record.plan:
            lines = [*escalation.opening(record.case, record.diagnosis, record.plan), *lines]
        self._people.tell(
            Level.L1, f"approval needed for {request.option}", lines, key=f"request/{request.id}"
        )
        await self._await_answer(request)
        record.pending = None
        won = record.answer_to(request.id)
        if won is None or won.approve:
            return won.by if won else None
        refused = Outcome(status=OutcomeStatus.REFUSED, detail=won.message)
        record.acted(proposal, won.by, refused, workflow.now())
        return None

    def _stays_free(self, length: timedelta) -> bool:
        """A pool that goes back and forth is free for moments, in which nobody's answer may be lost."""
        needed = self._record.case.policy.clear_window.length
        return length >= needed or not workflow.patched("withdrawn-when-it-stays-free")

    async def _await_answer(self, request: Request) -> None:
        record, relook = self._record, self._record.case.policy.pace.relook.total_seconds()
        free_since: datetime | None = None
        while (left := (request.until - workflow.now()).total_seconds()) > 0:
            show(record)
            await happens(record.hears_after(record.news), min(left, relook), f"answer to {request.id}")
            if record.answer_to(request.id):
                return
            is_free, now = await self._is_free(), workflow.now()
            free_since = (free_since or now) if is_free else None
            if free_since and self._stays_free(now - free_since):
                record.note(now, f"request {request.id} withdrawn: the pool is free")
                return
            if record.answer_to(request.id):
                return
        record.note(workflow.now(), f"request {request.id} expired unanswered")
        self._people.call(Level.L2, f"nobody answered the request for {request.option}", key="expired")
