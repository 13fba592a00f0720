"""What people and Alertmanager may say to a running incident, and what it answers."""

from typing import Any

from temporalio import workflow

from workflows import patches
from workflows.approval import UnreadableAnswer, channel_of, judge, read_answer, read_name
from workflows.effects import Effects
from workflows.models.alert import Alert, Case
from workflows.models.approval import Answer, Channel, Decision
from workflows.models.neighbour import Standing
from workflows.models.page import Level
from workflows.models.report import Report
from workflows.neighbours import Neighbours
from workflows.people import People
from workflows.record import Record
from workflows.report import compose


class Messages:
    """Signals, update and query. Handlers set state, the runbook decides; no payload can stop the run."""

    def __init__(self, case: Case) -> None:
        self.record = Record(case, workflow.now(), workflow.info().workflow_start_time)
        self.effects = Effects(case)
        self.neighbours = Neighbours(self.record)
        self.people = People(self.record, self.effects, self.neighbours)

    @workflow.query
    def state(self) -> Report:
        """The report as of now."""
        info = workflow.info()
        return compose(self.record, info.workflow_id, info.run_id, workflow.now())

    @workflow.signal
    def alert(self, *payloads: Any) -> None:
        """A delivery of Alertmanager, firing or resolved."""
        try:
            (payload,) = payloads
            heard = Alert.model_validate(payload)
            is_new = self.record.hear(heard, workflow.now())
            self.effects.hear(heard)
            if is_new:
                self._take_start(heard)
        except (ValueError, TypeError):
            self._unreadable("an alert signal could not be read")

    def _take_start(self, heard: Alert) -> None:
        """The clocks count from the earliest credible start, whichever delivery came first."""
        now = workflow.now()
        if self.record.began_before(heard, now) and patches.earlier_starts_count():
            self.record.begin_earlier(heard.starts_at, now)

    @workflow.signal
    def approve(self, *payloads: Any) -> None:
        """Yes, by a person: `{"request": id, "by": name}`."""
        self._answer(True, payloads)

    @workflow.signal
    def reject(self, *payloads: Any) -> None:
        """No, by a person: `{"request": id, "by": name, "reason": text}`."""
        self._answer(False, payloads)

    @workflow.signal
    def acknowledge(self, *payloads: Any) -> None:
        """A person has it in hand: `{"by": name}`."""
        try:
            self.record.acknowledge(read_name(payloads), workflow.now(), " (name claimed)")
        except UnreadableAnswer as error:
            self._unreadable(str(error))

    @workflow.signal
    def neighbour(self, *payloads: Any) -> None:
        """How the incident of another target of the same database stands."""
        try:
            (payload,) = payloads
            standing = Standing.model_validate(payload)
        except (ValueError, TypeError):
            self._unreadable("what a neighbour's incident said could not be read")
            return
        if self.neighbours.hear(standing):
            self.people.meet(standing)
        if standing.asks:
            self.neighbours.answer(standing.target)

    @workflow.update
    def decide(self, *payloads: Any) -> Decision:
        """Approve or reject by command or link; the answer says whether it counted, and why not."""
        return self._decide(read_answer(payloads, channel=channel_of(payloads)))

    @decide.validator
    def _is_readable(self, *payloads: Any) -> None:
        read_answer(payloads, channel=Channel.UPDATE)

    def _decide(self, answer: Answer) -> Decision:
        record = self.record
        decision = judge(answer, record.pending, record.counted, record.case.policy, workflow.now())
        record.decide(decision)
        return decision

    def _answer(self, approve: bool, payloads: tuple[Any, ...]) -> None:
        try:
            self._decide(read_answer(payloads, approve=approve, channel=Channel.SIGNAL))
        except UnreadableAnswer as error:
            self._unreadable(str(error))

    def _unreadable(self, what: str) -> None:
        self.record.note(workflow.now(), what)
        self.people.tell(Level.L1, "a message could not be read", [what], key="unreadable")
