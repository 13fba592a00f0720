"""Telling people, beside the flow: no page ever delays an act, and each level is told once per reason."""

import asyncio

from temporalio import workflow

from workflows import escalation
from workflows.effects import Effects
from workflows.models.neighbour import Standing
from workflows.models.page import Escalation, Level, Page
from workflows.models.reading import Known
from workflows.neighbours import Neighbours
from workflows.record import Record


class People:
    """The on-call engineer, the database team and the engineering lead of one target."""

    def __init__(self, record: Record, effects: Effects, neighbours: Neighbours) -> None:
        self._record = record
        self._effects = effects
        self._neighbours = neighbours
        neighbours.on_leave(self._recall)
        self._told_by_others: dict[str, tuple[Level, str, str | None]] = {}
        self._pages: set[asyncio.Task[bool]] = set()

    def tell(
        self,
        level: Level,
        reason: str,
        lines: list[str],
        key: str | None = None,
        *,
        is_good_news: bool = False,
    ) -> asyncio.Task[bool] | None:
        """Send in the background; None when this level has been told this already in this episode."""
        once = _once(level, reason, key)
        if once in self._record.told:
            return None
        self._record.told.add(once)
        page = escalation.page(
            self._record.case, level, self._key(once), reason, lines, is_good_news=is_good_news
        )
        sending = asyncio.create_task(self._send(page))
        self._pages.add(sending)
        sending.add_done_callback(self._pages.discard)
        return sending

    def call(self, level: Level, reason: str, key: str | None = None) -> None:
        """Escalate: what is wrong, what was tried, what is asked of the one who reads it.

        Where a neighbour's incident has told the same people of the same slow database, they are not told
        again, for as long as that one is open.
        """
        record = self._record
        if teller := self._neighbours.teller(level):
            self._leave_to(teller, level, reason, key)
            return
        cause = record.diagnoses[-1].first if record.diagnoses else None
        lines = [
            f"Why you are called: {reason}.",
            f"Found: {cause.cause}." if cause else "Nothing could be diagnosed yet.",
            *(f"- {reason}" for reason in (cause.reasons if cause else ())),
            *escalation.beside(self._neighbours.open),
            *escalation.history(tuple(record.attempts)),
            *(escalation.omissions(record.plan) if record.plan else ()),
            "Please take over: open the incident, look at the evidence, decide, and acknowledge.",
        ]
        if sending := self.tell(level, reason, lines, key):
            sending.add_done_callback(lambda sent: self._called(level, sent))

    def call_leadership(self) -> None:
        """An act did not help: where it matters most, leadership is called before its clock runs out."""
        is_teller = bool(self._neighbours.open) and self._neighbours.is_first()
        why = {
            "business-critical": self._record.case.target.critical,
            "several targets of one database": is_teller,
        }
        if reasons := [reason for reason, holds in why.items() if holds]:
            self.call(Level.L3, f"{reasons[0]}, and the first act did not help", key="critical/failed")

    def _leave_to(self, teller: str, level: Level, reason: str, key: str | None) -> None:
        # Ended by hand it could not say so: a signal that finds no run tells.
        self._neighbours.tell(asks=True)
        once = _once(level, reason, key)
        if once not in self._record.told:
            self._record.told.add(once)
            self._told_by_others[once] = level, reason, key
            said = f"{level} knows of it already, by the incident of {teller}: {reason}"
            self._record.note(workflow.now(), said)

    def meet(self, standing: Standing) -> None:
        """Another target of the database is in an incident too: the first of them tells leadership, once."""
        self._record.note(workflow.now(), f"on the same database, {standing.target} is in an incident too")
        if self._neighbours.is_first():
            case = self._record.case
            reason = f"several targets on database {case.target.database.name}"
            self.tell(Level.L3, reason, escalation.several(case, self._neighbours.open))

    def _recall(self) -> None:
        """A neighbour's incident is over: what it told for this one too, this one tells now if it lasts."""
        calls, self._told_by_others = self._told_by_others, {}
        self._record.told -= calls.keys()
        if self._record.healthy_at is None and self._record.recovered_at is None:
            for level, reason, key in calls.values():
                self.call(level, reason, key)

    def _called(self, level: Level, sent: asyncio.Task[bool]) -> None:
        if not sent.cancelled() and sent.exception() is None and sent.result():
            self._neighbours.called(level)

    async def drain(self) -> None:
        """Wait until every page is out, or given up."""
        while self._pages:
            await asyncio.wait(set(self._pages))

    def _key(self, once: str) -> str:
        return f"{workflow.info().workflow_id}/{workflow.info().run_id}/{self._record.recurrences}/{once}"[
            :300
        ]

    async def _send(self, page: Page) -> bool:
        sent_at = workflow.now()
        delivery = await self._effects.page(page)
        known = delivery.value if isinstance(delivery, Known) else None
        self._record.escalate(
            Escalation(
                level=page.level,
                reason=page.title,
                at=sent_at,
                delivered_by=known.route if known else None,
                failure=None if isinstance(delivery, Known) else delivery.reason,
            )
        )
        return isinstance(delivery, Known)


def _once(level: Level, reason: str, key: str | None) -> str:
    return f"{level}/{key or reason}"
