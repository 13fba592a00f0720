"""What is written up: the report is stored, people are told, the outcome is left where lists find it."""

import asyncio
from collections.abc import Callable

from temporalio import workflow

from workflows import escalation
from workflows.display import engrave, show
from workflows.messages import Messages
from workflows.models.page import Level
from workflows.models.reading import Known
from workflows.wording import fired


class Publication:
    """At recovery, and once more when the incident closes."""

    def __init__(self, incident: Messages, unless: Callable[[], bool]) -> None:
        """`unless` breaks a publication off: it is written up at the next end."""
        self._incident = incident
        self._unless = unless

    async def publish(self) -> None:
        """Write it up as it stands now.

        A full disk or a far storage may take minutes, in which nothing else would be looked at.
        """
        record = self._incident.record
        storing = asyncio.create_task(self._incident.effects.store(self._incident.state()))
        await workflow.wait_condition(lambda: storing.done() or self._unless())
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
        record = self._incident.record
        verdict = record.verdicts[-1] if record.verdicts else None
        lines = [*escalation.closing(verdict), *escalation.history(tuple(record.attempts))]
        lines += fired(record.firings)
        lines.append(f"Report: {record.stored or 'not stored'}")
        self._incident.people.tell(Level.L1, record.ending.told, lines, is_good_news=True)
