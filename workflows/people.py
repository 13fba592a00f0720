"""Telling people, beside the flow: no page ever delays an act, and each level is told once per reason."""

import asyncio

from temporalio import workflow

from workflows import escalation, guidance, patches
from workflows.attempts import restarted_in_vain
from workflows.effects import Effects
from workflows.escalation import Call
from workflows.exhaustion import is_exhausted
from workflows.models.approval import PIPELINE
from workflows.models.diagnosis import Cause
from workflows.models.neighbour import Standing
from workflows.models.page import Asked, Escalation, Level, Page
from workflows.models.plan import HandOver, Healthy, Step
from workflows.models.reading import Known, value_of
from workflows.neighbours import Neighbours
from workflows.record import Record


class People:
    """The on-call engineer, the database team and the engineering lead of one target."""

    def __init__(self, record: Record, effects: Effects, neighbours: Neighbours) -> None:
        self._record = record
        self._effects = effects
        self._neighbours = neighbours
        neighbours.on_change(self.catch_up)
        self._pages: set[asyncio.Task[bool]] = set()

    def tell(
        self,
        level: Level,
        reason: str,
        lines: list[str],
        key: str | None = None,
        *,
        is_good_news: bool = False,
        asked: Asked | None = None,
    ) -> asyncio.Task[bool] | None:
        """Send in the background; None when this level has been told this already in this episode.

        A page in which one person is `asked` goes by that person's routes, not by those of the level.

        What no route took in time counts as not told: whoever comes to it again sends it again.
        """
        once, told = Call(level, reason, key).once, self._record.told
        if once in told:
            return None
        told.add(once)
        page = escalation.page(
            self._record.case, level, self._key(once), reason, lines, is_good_news=is_good_news, asked=asked
        )
        sending = asyncio.create_task(self._send(page))
        self._pages.add(sending)
        sending.add_done_callback(self._pages.discard)
        sending.add_done_callback(lambda sent: None if self.is_delivered(sent) else told.discard(once))
        return sending

    def call(self, level: Level, reason: str, key: str | None = None, about: Cause | None = None) -> None:
        """Escalate: what is wrong, what was tried, what is asked of the one who reads it.

        Where a neighbour's incident has told the same people of the same slow database, they are not told
        again, for as long as that one is open and says so.
        """
        call = Call(level, reason, key, about)
        if call.once in self._record.told:
            return
        if teller := self._neighbours.teller(level):
            self._leave_to(teller, call)
            return
        self._record.owed.pop(call.once, None)
        if sending := self.tell(level, reason, self._lines(reason), key):
            cause, episode = self._record.cause, self._record.recurrences
            sending.add_done_callback(lambda sent: self._called(call, cause, sent, episode))

    @staticmethod
    def is_delivered(sent: asyncio.Task[bool]) -> bool:
        """Whether a page that is not under way any more has reached somebody."""
        return not sent.cancelled() and sent.exception() is None and sent.result()

    def acknowledge(self, told: asyncio.Task[bool]) -> None:
        """The pipeline has it in hand once level 1 knows, unless a person must decide by now."""
        if self.is_delivered(told) and not self._record.is_with_people:
            self._record.acknowledge(PIPELINE, workflow.now())

    def follow(self, step: Step) -> None:
        """After a look: the neighbours hear of another cause, and what is owed is told unless all is well."""
        self._neighbours.update()
        if isinstance(step, Healthy):
            return
        self.catch_up()
        if not isinstance(step, HandOver):  # that call tells what was tried, and follows at once
            self._call_after_restart()

    def catch_up(self) -> None:
        """Make the calls that no neighbour makes any more, or no route took; not while the pool is well."""
        record = self._record
        if record.healthy_at is not None or record.recovered_at is not None:
            return
        for once, call in tuple(record.owed.items()):
            if call.about not in {None, record.cause}:
                del record.owed[once]
            elif self._neighbours.teller(call.level) is None:
                self.call(*call)

    def _call_after_restart(self) -> None:
        """Level 2 hears of a pool that is exhausted after its own restart, whatever may still be done."""
        record = self._record
        pools = record.diagnosis.pools if record.diagnosis else {}
        for name in sorted(restarted_in_vain(record.attempts, record.episode_at)):
            pool = value_of(pools[name]) if name in pools else None
            is_full = pool is not None and is_exhausted(pool, record.case.policy)
            if is_full and patches.calls_after_restarts():
                self.call(
                    Level.L2, f"the pool of {name} is exhausted after its restart", key=f"restart/{name}"
                )

    def call_leadership(self) -> None:
        """An act did not help: where it matters most, leadership is called before its clock runs out."""
        is_teller = bool(self._neighbours.open) and self._neighbours.is_first()
        why = {
            "business-critical": self._record.case.target.critical,
            "several targets of one database": is_teller,
        }
        if reasons := [reason for reason, holds in why.items() if holds]:
            self.call(Level.L3, f"{reasons[0]}, and the first act did not help", key="critical/failed")

    def meet(self, standing: Standing) -> None:
        """Another target of the database is in an incident too: the first of them tells leadership, once."""
        self._record.note(workflow.now(), f"on the same database, {standing.target} is in an incident too")
        if self._record.recovered_at is not None and workflow.patched("met-in-the-watch"):
            return  # it is over here: what goes on is the other's
        if self._neighbours.is_first():
            case, episode = self._record.case, self._record.recurrences
            call = Call(Level.L3, f"several targets on database {case.target.database.name}")
            lines = escalation.several(case, self._neighbours.open)
            if sending := self.tell(call.level, call.reason, lines):
                sending.add_done_callback(lambda sent: self._owe(call, sent, episode))

    def _lines(self, reason: str) -> list[str]:
        record = self._record
        last = record.diagnoses[-1] if record.diagnoses else None
        return [
            f"Why you are called: {reason}.",
            f"Found: {last.first.cause}." if last else "Nothing could be diagnosed yet.",
            *(escalation.reasons(last) if last else ()),
            *escalation.beside(self._neighbours.open),
            *escalation.history(tuple(record.attempts)),
            *(escalation.omissions(record.plan) if record.plan else ()),
            *guidance.next_steps(last, record.evidence, record.case.target),
            *([f"Report, as of the last recovery: {record.stored}"] if record.stored else ()),
            guidance.TAKE_OVER,
        ]

    def _leave_to(self, teller: str, call: Call) -> None:
        # Ended by hand it could not say so: a signal that finds no run tells.
        self._neighbours.ask(teller)
        if call.once not in self._record.owed:
            self._record.owed[call.once] = call
            said = f"{call.level} knows of it already, by the incident of {teller}: {call.reason}"
            self._record.note(workflow.now(), said)

    def _called(self, call: Call, cause: Cause | None, sent: asyncio.Task[bool], episode: int) -> None:
        """What was called for in an earlier episode says nothing of this one."""
        if self.is_delivered(sent) and episode == self._record.recurrences:
            self._neighbours.called(call.level, cause)
        self._owe(call, sent, episode)

    def _owe(self, call: Call, sent: asyncio.Task[bool], episode: int) -> None:
        if not self.is_delivered(sent) and episode == self._record.recurrences:
            self._record.owed[call.once] = call

    @property
    def is_telling(self) -> bool:
        """Whether a page is under way, neither out nor given up."""
        return bool(self._pages)

    def _key(self, once: str) -> str:
        return f"{workflow.info().workflow_id}/{workflow.info().run_id}/{self._record.recurrences}/{once}"[
            :300
        ]

    async def _send(self, page: Page) -> bool:
        under_way = self._record.under_way
        sent = Escalation(
            level=page.level,
            reason=page.title,
            at=workflow.now(),
            person=page.asked.by if page.asked else None,
        )
        under_way[page.key] = sent
        try:
            delivery = await self._effects.page(page)
        finally:
            del under_way[page.key]
        known = delivery.value if isinstance(delivery, Known) else None
        became = {
            "delivered_by": known.route if known else None,
            "failure": None if isinstance(delivery, Known) else delivery.reason,
        }
        self._record.escalate(Escalation.model_validate(sent.model_dump() | became))
        return isinstance(delivery, Known)
