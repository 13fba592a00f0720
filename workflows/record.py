"""What this incident knows: the ledger of acts, the clocks' deadlines, the source of the report."""

from collections.abc import Callable
from datetime import datetime

from workflows.approval import approvers_of
from workflows.attempts import may_have_touched
from workflows.escalation import Call, Clock, intention
from workflows.hearing import Heard, is_earlier_start
from workflows.models.alert import Alert, AlertStatus, Case
from workflows.models.approval import PIPELINE, Decision, Request
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, Outcome
from workflows.models.page import Escalation, Level
from workflows.models.plan import Plan, Proposal, Termination
from workflows.models.policy import Mode
from workflows.models.report import Ending, Entry
from workflows.models.verdict import Verdict
from workflows.usual import Usual

_MOST_NAMED = 2


class Record:
    """Grows by what happens, in the words of the runbook; every method that changes it is given the time."""

    def __init__(self, case: Case, now: datetime, arrived_at: datetime | None = None) -> None:
        """`arrived_at`: of the first alert, by Temporal's clock; the webhook's may be another one."""
        self.case = case
        self.started_at, arrived_at = now, arrived_at or now
        is_credible = case.alert.is_start_credible(arrived_at)
        self.opened_at = case.alert.starts_at if is_credible else arrived_at
        self.alerts: dict[str, Heard] = {}
        self.evidence: Evidence | None = None
        self.first_evidence: Evidence | None = None
        self.diagnosis: Diagnosis | None = None
        self.diagnoses: list[Diagnosis] = []
        self.plan: Plan | None = None
        self._noted: set[str] = set()
        self.is_with_people = False
        self.attempts: list[Attempt] = []
        self.requests: list[Request] = []
        self.decisions: list[Decision] = []
        self.escalations: list[Escalation] = []
        self.under_way: dict[str, Escalation] = {}
        self.verdicts: list[Verdict] = []
        self.timeline: list[Entry] = []
        self.first_act_at: datetime | None = None
        self._intended_at: datetime | None = None
        self.closed_at: datetime | None = None
        self.stored: str | None = None
        self.news = self.firings = self.recurrences = 0
        self.usual = Usual()
        self._begin(self.opened_at)
        if not is_credible:
            said = f"the alert says that it began at {case.alert.starts_at:%Y-%m-%d %H:%M:%S} UTC"
            self.note(self.opened_at, f"{said}, which cannot be: the clocks count from its arrival")

    def _begin(self, at: datetime) -> None:
        self.episode_at = at
        self.acknowledged_at: datetime | None = None
        self.acknowledged_by = ""
        self.acknowledge_from = at
        self.is_handed_over = False
        self.healthy_at: datetime | None = None
        self.recovered_at: datetime | None = None
        self.pending: Request | None = None
        self.breached: dict[Clock, datetime] = {}
        self.told: set[str] = set()
        self.owed: dict[str, Call] = {}

    def note(self, at: datetime, text: str) -> None:
        """A line of the timeline."""
        self.timeline.append(Entry(at=at, text=text))

    def _note_once(self, at: datetime, key: str, text: str) -> None:
        if key not in self._noted:
            self._noted.add(key)
            self.note(at, text)

    # alerts

    def hear(self, alert: Alert, at: datetime) -> bool:
        """Take a delivery in; True if it tells something new."""
        known, heard = self.alerts.get(alert.delivery), Heard(alert.received_at, alert.status)
        if heard.is_overtaken(known):
            return False
        self.alerts[alert.delivery] = heard
        if known and known.status is alert.status:
            return False
        self.note(at, f"alert {alert.name} is {alert.status} (since {alert.starts_at:%H:%M:%S})")
        self.news += 1
        self.firings += alert.status is AlertStatus.FIRING
        return True

    def began_before(self, alert: Alert, at: datetime) -> bool:
        """Whether the incident is older than it was thought to be, by this alert."""
        is_first = not self.recurrences and self.recovered_at is None
        return is_first and is_earlier_start(alert, self.opened_at, at - self.started_at, at)

    def begin_earlier(self, since: datetime, at: datetime) -> None:
        """The clocks count from there; an acknowledgement that lapsed keeps its fresh one."""
        if self.acknowledge_from == self.episode_at:
            self.acknowledge_from = since
        self.opened_at = self.episode_at = since
        self.note(at, f"an alert began earlier: the clocks count from {since:%Y-%m-%d %H:%M:%S} UTC")

    def hears_after(self, seen: int) -> Callable[[], bool]:
        """The condition that something new was said since `seen`."""
        return lambda: self.news != seen

    @property
    def is_firing(self) -> bool:
        """Some delivery fired and was not resolved."""
        return any(heard.status is AlertStatus.FIRING for heard in self.alerts.values())

    # the flow

    def learn(self, evidence: Evidence, diagnosis: Diagnosis, plan: Plan, at: datetime) -> None:
        """Fresh evidence and what was concluded from it."""
        self.first_evidence = self.first_evidence or evidence
        self.usual.learn(evidence, self.evidence, self.case.target, self.case.policy)
        self.evidence, self.diagnosis, self.plan = evidence, diagnosis, plan
        if not self.diagnoses or self.diagnoses[-1].first.stage != diagnosis.first.stage:
            self.diagnoses.append(diagnosis)
            first = diagnosis.first
            self.note(at, f"diagnosis: {first.cause} ({first.confidence:.0%}): {'; '.join(first.reasons)}")
        for reason in plan.left_out:
            self._note_once(at, reason, f"left out: {reason}")
        step, mode = plan.step, self.case.policy.mode
        if isinstance(step, Proposal) and mode is Mode.OBSERVE:
            # The effect names ages, which are others at every look: told once per option.
            self._note_once(at, step.act.option, intention(step, mode))

    def intend(self, proposal: Proposal, at: datetime) -> None:
        """Written down before the act, so that the audit has it whatever happens to the act."""
        self._intended_at = at
        self.note(at, f"acting: {proposal.effect}")

    def acted(self, proposal: Proposal, by: str, outcome: Outcome, at: datetime) -> None:
        """What the act really touched."""
        attempt = Attempt(proposal=proposal, decided_by=by, at=at, outcome=outcome)
        self.attempts.append(attempt)
        if may_have_touched(attempt):
            self.first_act_at = self.first_act_at or self._intended_at or at
        changed = [touched.what for touched in outcome.touched if touched.changed]
        touched = ", ".join(changed[:_MOST_NAMED]) or "nothing"
        more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
        self.note(at, f"{proposal.act.option}: {outcome.status}; touched {touched}{more}. {outcome.detail}")

    def judged(self, helped: bool | None, at: datetime) -> None:
        """What the look after the last act said of it."""
        self.attempts[-1] = self.attempts[-1].model_copy(update={"helped": helped})
        words = {True: "is free", False: "is still exhausted", None: "could not be read"}
        self.note(at, f"look after the act: the pool {words[helped]}")

    def gained(self, place: int, said: str, at: datetime) -> None:
        """What the act at that place changed, or left behind, beside the pool."""
        outcome = self.attempts[place].outcome
        told = outcome.model_copy(update={"detail": f"{outcome.detail}; {said}"})
        self.attempts[place] = self.attempts[place].model_copy(update={"outcome": told})
        self.note(at, said)

    def has_more(self, proposal: Proposal) -> bool:
        """The act was one wave of several."""
        return isinstance(proposal.act, Termination) and bool(proposal.act.rest)

    def good_look(self, at: datetime) -> None:
        """The first good look stops the resolve clock."""
        self.healthy_at = self.healthy_at or at

    def bad_look(self) -> None:
        """Still, or again, exhausted: the clocks that a good look stopped run on."""
        self.healthy_at = None

    def verified(self, verdict: Verdict, at: datetime) -> None:
        """The clear window's verdict."""
        self.verdicts.append(verdict)
        self.note(at, f"clear window: {verdict.state}")

    def settle(self, at: datetime) -> None:
        """Verified as recovered."""
        self.recovered_at = at

    def recur(self, at: datetime, why: str) -> None:
        """The watch saw it again: the same run, with what was tried, and fresh clocks."""
        self.recurrences += 1
        self.closed_at = None
        self._begin(at)
        self.note(at, f"recurrence: {why}")

    def close(self, at: datetime) -> None:
        """The cooldown is over."""
        self.closed_at = at
        self.note(at, "closed")

    # people

    def acknowledge(self, by: str, at: datetime, how: str = "") -> None:
        """Somebody, or in mode auto the pipeline, has it in hand; the clock stops at the first word."""
        if self.acknowledged_at is None or self.acknowledged_by == PIPELINE != by:
            self.acknowledged_at, self.acknowledged_by = self.acknowledged_at or at, by
            self.note(at, f"acknowledged by {by}{how}")
        elif by not in {PIPELINE, self.acknowledged_by}:
            self._note_once(at, f"acknowledged/{by}", f"{by} has it in hand as well{how}")

    def lapse(self, at: datetime) -> None:
        """A human must decide now: the pipeline's own acknowledgement does not count any more."""
        self.is_with_people = True
        if self.acknowledged_by == PIPELINE:
            self.acknowledged_at, self.acknowledged_by, self.acknowledge_from = None, "", at

    def ask(self, request: Request) -> None:
        """A request that people must answer."""
        self.pending = request
        self.requests.append(request)
        self.first_act_at = self.first_act_at or request.requested_at
        self.note(request.requested_at, f"approval asked ({request.id}): {request.effect}")

    def decide(self, decision: Decision) -> None:
        """An answer, counted or not: refused attempts are part of the audit."""
        self.decisions.append(decision)
        self.news += 1
        self.note(decision.at, f"answer of {decision.by}: {decision.message}")
        if decision.accepted:
            self.acknowledge(decision.by, decision.at)

    @property
    def counted(self) -> list[Decision]:
        """The answers that counted."""
        return [decision for decision in self.decisions if decision.accepted]

    def answer_to(self, request: str) -> Decision | None:
        """The answer that decided this request."""
        own = (each for each in self.counted if each.request == request and each.is_final)
        return next(own, None)

    def approvers_of(self, request: str) -> tuple[str, ...]:
        """Who has approved it so far, or did before it was decided."""
        return approvers_of(self.decisions, request)

    def escalate(self, escalation: Escalation) -> None:
        """A page that was sent, or could not be."""
        self.escalations.append(escalation)
        how = (
            f"by {escalation.delivered_by}"
            if escalation.delivered_by
            else f"not delivered: {escalation.failure}"
        )
        self.note(escalation.at, f"{escalation.whom} paged ({how}): {escalation.reason}")

    @property
    def cause(self) -> Cause | None:
        """The first of the last diagnosis; None before there is one."""
        return self.diagnosis.first.cause if self.diagnosis else None

    @property
    def headline(self) -> str:
        """What was found, in the words of a page's title."""
        cause = self.cause or Cause.UNKNOWN
        if cause is not Cause.HEALTHY:
            return str(cause)
        unmet = self.verdicts[-1].unmet if self.verdicts else ()
        return (
            f"the pool looks free, not verified yet ({', '.join(unmet)})" if unmet else "the pool looks free"
        )

    # clocks

    @property
    def is_judged(self) -> bool:
        """The first look is over, and it is clear whose turn it is."""
        is_someones = self.is_with_people or self.acknowledged_at is not None or self.healthy_at is not None
        return self.evidence is not None and is_someones

    def due(self, clock: Clock) -> datetime | None:
        """When the clock runs out; None while it is stopped or has already called."""
        clocks = self.case.policy.clocks
        is_in_hand = self.acknowledged_at is not None or self.healthy_at is not None
        deadline = {
            Clock.ACKNOWLEDGE: None if is_in_hand else self.acknowledge_from + clocks.acknowledge,
            Clock.RESOLVE: None if self.healthy_at else self.episode_at + clocks.resolve,
            Clock.LEADERSHIP: None if self.healthy_at else self.episode_at + clocks.leadership,
        }[clock]
        is_stopped = self.recovered_at is not None or deadline is None or clock in self.breached
        return None if is_stopped else deadline

    @property
    def ending(self) -> Ending:
        """How it stands, or ended."""
        if self.recovered_at is None:
            return Ending.OPEN
        if any(may_have_touched(attempt) for attempt in self.attempts):
            return Ending.RECOVERED
        if all(diagnosis.first.cause is Cause.HEALTHY for diagnosis in self.diagnoses):
            return Ending.NOTHING_FOUND
        was_handed = any(escalation.level is not Level.L1 for escalation in self.escalations)
        return Ending.HANDED_OVER if was_handed else Ending.RECOVERED_BY_ITSELF
