"""What is written up: the report is stored, people are told, the outcome is left where lists find it."""

import asyncio
from collections.abc import Callable

from temporalio import workflow

from workflows import escalation
from workflows.display import engrave, show
from workflows.effects import Effects
from workflows.models.page import Level
from workflows.models.reading import Known
from workflows.models.report import Report
from workflows.people import People
from workflows.record import Record


class Publication:
    """At recovery, and once more when the incident closes."""

    def __init__(self, record: Record, effects: Effects, people: People) -> None:
        self._record = record
        self._effects = effects
        self._people = people

    async def publish(self, report: Report, unless: Callable[[], bool]) -> None:
        """Write it up, `unless` that comes true meanwhile: then it is written up at the next end.

        A full disk or a far storage may take minutes, in which nothing else would be looked at.
        """
        record = self._record
        storing = asyncio.create_task(self._effects.store(report))
        await workflow.wait_condition(lambda: storing.done() or unless())
        if not storing.done():
            storing.cancel()
            return
        stored = storing.result()
        if isinstance(stored, Known):
            record.stored = stored.value.url
        else:
            record.note(workflow.now(), f"the report could not be stored: {stored.reason}")
        if record.closed_at is None:
            self._tell_recovery()
        else:
            engrave(record)
        show(record)

    def _tell_recovery(self) -> None:
        record = self._record
        verdict = record.verdicts[-1] if record.verdicts else None
        lines = [*escalation.closing(verdict), *escalation.history(tuple(record.attempts))]
        lines.append(f"Report: {record.stored or 'not stored'}")
        self._people.tell(Level.L1, record.ending.told, lines, is_good_news=True)
