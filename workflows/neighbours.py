"""Incidents on one database server know of each other, so that people get one story of it.

They tell each other by signals from run to run: durable, and without a list that could lag behind.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from workflows.models.diagnosis import Cause
from workflows.models.neighbour import Neighbour, Standing
from workflows.models.page import Level
from workflows.naming import workflow_id
from workflows.record import Record
from workflows.waiting import happens

SIGNAL = "neighbour"
_LONGEST_ANSWER = 2.0
_LONGEST_SILENCE = timedelta(minutes=20)
"""Of one who has called people for both: they know of the database, so a worker may take its time."""
_ONE_TO_ONE = "neighbours-speak-one-to-one"
"""In a run of before every word went to all of them: on a shared server, the square of their number."""


class Neighbours:
    """The other targets of this incident's database that are in an incident now, as far as they said so."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._known = {each.target: each for each in record.case.neighbours}
        self._standings: dict[str, Standing] = {}
        self._awaited: set[str] = set()
        self._asked: dict[str, datetime] = {}
        """Whom this incident leaves a call to, and asked whether it is there; until it answers."""
        self._called: set[tuple[Cause | None, Level]] = set()
        self._said: tuple[Cause | None, datetime] = (None, record.opened_at)
        self._telling: set[asyncio.Task[None]] = set()
        self._has_changed: Callable[[], None] = lambda: None

    def on_change(self, has_changed: Callable[[], None]) -> None:
        """To be called whenever one of them said something, or is in an incident no more."""
        self._has_changed = has_changed

    @property
    def open(self) -> tuple[Standing, ...]:
        """Those in an incident, the longest first."""
        standings = [each for each in self._standings.values() if not each.is_over]
        return tuple(sorted(standings, key=lambda each: each.seniority))

    def hear(self, standing: Standing) -> bool:
        """Take in what one says; True if it is in an incident and was not before. Strangers are not heard."""
        if standing.target not in self._known:
            return False
        self._awaited.discard(standing.target)
        self._asked.pop(standing.target, None)
        before = self._standings.get(standing.target)
        self._standings[standing.target] = standing
        self._has_changed()
        return not standing.is_over and (before is None or before.is_over)

    def is_first(self) -> bool:
        """Whether this incident tells the story: none of the others is older."""
        return all(self._own().seniority < each.seniority for each in self.open)

    def teller(self, level: Level) -> str | None:
        """Who has told this level of the slow database already, by the same routes; None if nobody did.

        Only a database that is slow itself is one story: of any other cause each target has its own.
        """
        if self._record.cause is not Cause.DEGRADED:
            return None
        own = self._record.case.target.routes.of(level)
        told = [each for each in self.open if each.cause is Cause.DEGRADED and level in each.called]
        told = [each for each in told if not self._is_silent(each.target)]
        return next((each.target for each in told if self._known[each.target].routes.of(level) == own), None)

    def _is_silent(self, target: str) -> bool:
        """One whose run can do nothing any more still takes signals: it would keep every call for good."""
        asked = self._asked.get(target)
        return asked is not None and workflow.now() - asked > _LONGEST_SILENCE

    def called(self, level: Level, cause: Cause | None) -> None:
        """This incident has called this level for this cause: the others need not, for the same."""
        self._called.add((cause, level))
        self.tell()

    def update(self) -> None:
        """Tell the cause and the start, where either is another one than they were told last."""
        if (self._record.cause, self._record.opened_at) != self._said:
            self.tell()

    def begin(self) -> None:
        """Tell that this target is in an incident, and ask the others."""
        self._called.clear()
        if self._record.recurrences and workflow.patched("neighbours-are-asked-anew"):
            self._standings.clear()
        self._awaited = set(self._known)
        self.tell(asks=True)

    async def answers(self) -> None:
        """Wait until all have answered, or are in no incident; not long, for one may have no worker."""
        await happens(lambda: not self._awaited, _LONGEST_ANSWER, "what neighbouring incidents say")

    def end(self) -> None:
        """Tell that it is over, for now."""
        self.tell()

    def tell(self, *, asks: bool = False) -> None:
        """Tell all of them."""
        self._tell(self._known.values(), asks=asks)

    def ask(self, target: str) -> None:
        """Let one of them say whether it is in an incident still; who is silent tells no story."""
        if not workflow.patched(_ONE_TO_ONE):
            self.tell(asks=True)
            return
        self._asked.setdefault(target, workflow.now())
        self._tell([self._known[target]], asks=True)

    def answer(self, target: str) -> None:
        """Tell the one who asked; a stranger is told nothing."""
        if workflow.patched(_ONE_TO_ONE):
            self._tell([each for each in self._known.values() if each.target == target])
        else:
            self.tell()

    def _tell(self, neighbours: Iterable[Neighbour], *, asks: bool = False) -> None:
        """In the background: no neighbour ever delays an act."""
        standing = self._own().model_copy(update={"asks": asks})
        self._said = (standing.cause, standing.opened_at)
        for neighbour in neighbours:
            telling = asyncio.create_task(self._signal(neighbour, standing))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    @property
    def is_telling(self) -> bool:
        """Whether a word to a neighbour is under way."""
        return bool(self._telling)

    def _own(self) -> Standing:
        record = self._record
        return Standing(
            target=record.case.target.name,
            opened_at=record.opened_at,
            cause=record.cause,
            called=tuple(sorted(level for cause, level in self._called if cause is record.cause)),
            is_over=record.recovered_at is not None,
        )

    async def _signal(self, neighbour: Neighbour, standing: Standing) -> None:
        try:
            await workflow.get_external_workflow_handle(workflow_id(neighbour.target)).signal(
                SIGNAL, standing
            )
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            # It is in no incident: then there is nobody to tell, and nothing of it to know.
            self._awaited.discard(neighbour.target)
            self._asked.pop(neighbour.target, None)
            if self._standings.pop(neighbour.target, None):
                self._has_changed()
