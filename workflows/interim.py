"""The report so far: stored as people beyond level 1 are called, so that they can read it at once."""

import asyncio
from datetime import datetime

from temporalio import workflow

from workflows import patches
from workflows.effects import Effects
from workflows.models.page import Level, Page
from workflows.models.reading import Known, Unavailable
from workflows.ports.requests import Stored
from workflows.record import Record
from workflows.report import compose
from workflows.waiting import happens

SECONDS = 1.0
"""So long a page waits for it, and no longer: it goes out without."""


class Interim:
    """Stored anew with every call, until a recovery is written up."""

    def __init__(self, record: Record, effects: Effects) -> None:
        self._record = record
        self._effects = effects
        self._storing: asyncio.Task[Known[Stored] | Unavailable] | None = None
        self._as_of: datetime | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it is being stored: a later report of the same run has to wait for it."""
        return self._storing is not None and not self._storing.done()

    async def enclose(self, page: Page) -> Page:
        """The page with its link; as it was where it is for level 1, or nothing is stored within a second."""
        is_call = page.level is not Level.L1 and page.asked is None
        if not is_call or self._record.stored is not None or not patches.calls_carry_a_report():
            return page
        if self._storing is None or self._storing.done():
            self._as_of = workflow.now()
            info = workflow.info()
            report = compose(self._record, info.workflow_id, info.run_id, self._as_of)
            self._storing = asyncio.create_task(self._effects.store(report, is_so_far=True))
        storing = self._storing
        if not await happens(storing.done, SECONDS, "the report so far"):
            return page
        stored = storing.result()
        if isinstance(stored, Unavailable):
            self._record.note(workflow.now(), f"the report so far could not be stored: {stored.reason}")
            return page
        links = {f"report, as of {self._as_of:%H:%M:%S} UTC": stored.value.url}
        return page.model_copy(update={"links": {**page.links, **links}})
