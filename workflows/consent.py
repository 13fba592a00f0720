"""Asking a person before an act."""

from collections.abc import Awaitable, Callable

from temporalio import workflow

from workflows import escalation
from workflows.approval import approval_request
from workflows.calm import Calm
from workflows.display import show
from workflows.models.approval import Request
from workflows.models.outcome import Outcome, OutcomeStatus
from workflows.models.page import Asked, Level
from workflows.models.plan import Proposal
from workflows.patches import approval_in_this_run
from workflows.people import People
from workflows.record import Record
from workflows.waiting import happens
from workflows.wording import listed

_TOLD_FIRST, _TOLD_EVERY = (1, 2, 4), 6
"""Of requests for one act, one after the other without an answer: with the default of ten minutes, the first
ones, and then one an hour."""


class Consent:
    """One request at a time; valid answers decide it, silence is not a no, and a free pool withdraws it."""

    def __init__(self, record: Record, people: People, is_free: Callable[[], Awaitable[bool | None]]) -> None:
        self._record = record
        self._people = people
        self._is_free = is_free

    async def ask(self, proposal: Proposal) -> str | None:
        """Who approved; None when nobody did."""
        record, now = self._record, workflow.now()
        approval = approval_in_this_run(record.case.policy.approval)
        request = approval_request(proposal, approval, workflow.uuid4().hex[:8], now)
        record.ask(request)
        record.lapse(now)
        if self._is_to_be_told(request):
            self._tell(request, approval.reached)
        await self._await_answer(request)
        record.pending = None
        won = record.answer_to(request.id)
        if won is None or won.approve:
            return listed(record.approvers_of(request.id)) if won else None
        refused = Outcome(status=OutcomeStatus.REFUSED, detail=won.message)
        record.acted(proposal, won.by, refused, workflow.now())
        return None

    def _is_to_be_told(self, request: Request) -> bool:
        """A page for each of many requests that nobody answers would wake people all night."""
        number = 1 + _unanswered_before(request, self._record)
        if number in _TOLD_FIRST or number % _TOLD_EVERY == 0 or not workflow.patched("silence-is-heard"):
            return True
        told = f"request {request.id} is shown and not paged: nobody answered the {number - 1} before it"
        self._record.note(workflow.now(), told)
        return False

    def _tell(self, request: Request, reached: tuple[str, ...]) -> None:
        """Level 1, and each approver who has a route of their own by a page of their own."""
        record, key = self._record, f"request/{request.id}"
        title, why = f"approval needed for {request.option}", list[str]()
        if record.diagnosis and record.plan:
            why = escalation.opening(record.case, record.diagnosis, record.plan)
        asked = escalation.request_lines(request, workflow.info().workflow_id, reached)
        self._people.tell(Level.L1, title, [*why, *asked], key)
        for name in reached:
            asked = escalation.request_lines(request, workflow.info().workflow_id, reached, to=name)
            to = Asked(by=name, request=request.id, digest=request.digest, until=request.until)
            self._people.tell(Level.L1, title, [*why, *asked], f"{key}/{name}", asked=to)

    async def _await_answer(self, request: Request) -> None:
        record, relook = self._record, self._record.case.policy.pace.relook.total_seconds()
        calm = Calm(record.case.policy.clear_window.length)
        while (left := (request.until - workflow.now()).total_seconds()) > 0:
            show(record)
            await happens(record.hears_after(record.news), min(left, relook), f"answer to {request.id}")
            if record.answer_to(request.id):
                return
            is_free, now = await self._is_free(), workflow.now()
            lasts = calm.lasts(is_free, now)
            if lasts or (is_free and not workflow.patched("withdrawn-when-it-stays-free")):
                record.note(now, f"request {request.id} withdrawn: the pool is free")
                return
            if record.answer_to(request.id):
                return
        approved = listed(record.approvers_of(request.id))
        said = f"approved by {approved} alone" if approved else "unanswered"
        record.note(workflow.now(), f"request {request.id} expired {said}")
        who = f"nobody but {approved}" if approved else "nobody"
        self._people.call(Level.L2, f"{who} answered the request for {request.option}", key="expired")


def _unanswered_before(request: Request, record: Record) -> int:
    """How many of this episode ask for the same and had no answer, since the last one that had."""
    earlier = [
        each
        for each in record.requests
        if each.id != request.id and each.option == request.option and each.requested_at >= record.episode_at
    ]
    answered = [place for place, each in enumerate(earlier, start=1) if record.answer_to(each.id)]
    return len(earlier) - max(answered, default=0)
