"""Telling people, beside the flow: no page ever delays an act, and each level is told once per reason."""

import asyncio

from temporalio import workflow

from workflows import escalation
from workflows.effects import Effects
from workflows.models.page import Escalation, Level, Page
from workflows.models.reading import Known
from workflows.record import Record


class People:
    """The on-call engineer, the database team and the engineering lead of one target."""

    def __init__(self, record: Record, effects: Effects) -> None:
        self._record = record
        self._effects = effects
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
        once = f"{level}/{key or reason}"
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
        """Escalate: what is wrong, what was tried, what is asked of the one who reads it."""
        record = self._record
        cause = record.diagnoses[-1].first if record.diagnoses else None
        lines = [
            f"Why you are called: {reason}.",
            f"Found: {cause.cause}." if cause else "Nothing could be diagnosed yet.",
            *(f"- {reason}" for reason in (cause.reasons if cause else ())),
            *escalation.history(tuple(record.attempts)),
            *(escalation.omissions(record.plan) if record.plan else ()),
            "Please take over: open the incident, look at the evidence, decide, and acknowledge.",
        ]
        self.tell(level, reason, lines, key)

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
