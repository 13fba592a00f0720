"""A running incident, followed to its end: what is new at each look."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from worker.errors import NoIncident, TemporalUnavailable
from worker.incidents import Incidents
from workflows.models.report import Entry, Report

BETWEEN_LOOKS = 2.0
PATIENCE = 600.0
"""Seconds without an answer before following is given up."""


@dataclass(frozen=True)
class News:
    """One look: the lines that were not there before, or why there was no answer."""

    entries: Sequence[Entry] = ()
    report: Report | None = None
    status: str = "open"
    trouble: str = ""

    @property
    def is_last(self) -> bool:
        """The incident is over."""
        return self.report is not None and (self.report.complete or self.status != "open")


async def follow(incidents: Incidents, target: str) -> AsyncIterator[News]:
    """Until the incident that is open now has ended; raises `NoIncident`, `TemporalUnavailable`."""
    run = await incidents.run(target)
    if run.closed is not None:
        raise NoIncident(
            f"{target} has no open incident; `poolmedic show {target}` has the last one, if Temporal keeps it"
        )
    told, heard = None, time.monotonic()
    while True:
        try:
            # In this order: what is read after the run has closed is all there will be.
            run = await incidents.run(target, run.run_id)
            report = await incidents.report(target, run.run_id)
        except TemporalUnavailable as error:
            if time.monotonic() - heard > PATIENCE:
                raise
            yield News(trouble=str(error))
        else:
            heard = time.monotonic()
            news = News(after(report.timeline, told), report, run.status)
            told = report.timeline[-1] if report.timeline else told
            yield news
            if news.is_last:
                return
        await asyncio.sleep(BETWEEN_LOOKS)


def after(timeline: Sequence[Entry], last: Entry | None) -> Sequence[Entry]:
    """What follows the last line that was told.

    Lines are only ever added, but a long timeline loses its middle: then what is not older is new.
    """
    if last is None:
        return timeline
    for place in range(len(timeline) - 1, -1, -1):
        if timeline[place] == last:
            return timeline[place + 1 :]
    return [entry for entry in timeline if entry.at >= last.at]
