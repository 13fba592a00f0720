"""The runbook `DatabaseConnectionPoolExhausted`, read top to bottom."""

import asyncio
from datetime import datetime, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

from workflows import escalation, guidance, patches, verification
from workflows.clocks import keep_clocks
from workflows.consent import Consent
from workflows.display import engrave, show
from workflows.gain import Gain
from workflows.messages import Messages
from workflows.models.alert import Case
from workflows.models.approval import PIPELINE
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Level
from workflows.models.plan import HandOver, Healthy, LookAgain, Proposal, Step
from workflows.models.policy import Mode, Pace, Permission
from workflows.models.report import Summary
from workflows.models.verdict import State
from workflows.patience import Patience, rest_after
from workflows.publication import Publication
from workflows.remedies.index import query_to_explain
from workflows.report import summarise
from workflows.safeguard import Safeguard
from workflows.survivors import look_for_survivors
from workflows.waiting import happens
from workflows.wording import span


@workflow.defn(name="Incident", failure_exception_types=[ValidationError])
class Incident(Messages):
    """One episode on one target, from the alert to the end of the cooldown."""

    @workflow.init
    def __init__(self, case: Case) -> None:
        super().__init__(case)
        self.consent = Consent(self.record, self.people, self.is_free)
        self.safeguard = Safeguard(self.record, self.effects, self.is_free)
        self.gain = Gain(self.record, self.effects)
        self.publication = Publication(self, unless=self.breaks_off)
        self._seen = 0
        self._answered = 0
        self._patience = Patience(case.policy.pace)

    @workflow.run
    async def run(self, case: Case) -> Summary:  # noqa: ARG002 - the constructor has it
        """Until the pool is verified as recovered, and stayed so through the watch."""
        while True:
            clocks = asyncio.create_task(keep_clocks(self.record, self.people))
            while self.record.closed_at is None:
                self.neighbours.begin()
                while self.record.recovered_at is None:
                    await self.attempt()
                self.neighbours.end()
                await self.publication.publish()
                await self.watch()
            await self.publication.publish()
            await clocks
            await self.leave()
            if not self.has_fired():
                return summarise(self.record)
            self.recur("the alert fired again while the incident was closed")
            engrave(self.record)

    async def attempt(self) -> None:
        """One pass through the runbook; a fault of its own hands over to people, and the clocks go on."""
        self._seen, tried = self.record.news, len(self.record.attempts)
        self.record.is_with_people = False
        try:
            await self.runbook()
        except Exception as fault:
            if is_cancelled_exception(fault):
                raise
            workflow.logger.exception("the runbook failed")
            reason = f"poolmedic itself failed ({type(fault).__name__}: {fault})"[:300]
            await self.hand_over(reason, key=f"fault/{type(fault).__name__}")
        is_fruitless = self.record.recovered_at is None and len(self.record.attempts) == tried
        if is_fruitless and (rest := self.rest()):
            await self.pause(rest, "open for days: it looks less often")

    async def runbook(self) -> None:
        """Investigate, diagnose, plan; then the one step that the plan names."""
        now, case, record = workflow.now, self.record.case, self.record
        evidence = await self.effects.investigate()
        diagnosis = patches.diagnosis_in_this_run(evidence, record)
        if (query_id := query_to_explain(diagnosis, tuple(record.attempts), case.target)) is not None:
            evidence = await self.effects.explain(evidence, query_id)
        planned = patches.plan_in_this_run(diagnosis, evidence, record, now())
        record.learn(evidence, diagnosis, planned, now())
        if patches.is_full_again(diagnosis, was_free=record.healthy_at is not None):
            record.bad_look()
        self.people.follow(planned.step)
        self.announce()
        self._patience.follow(planned.step)
        match planned.step:
            case Healthy():
                await self.verify()
            case LookAgain() as pause:
                await self.look_again(pause)
            case HandOver(reason=reason):
                await self.hand_over(reason, f"hand-over/{diagnosis.first.cause}", diagnosis.first.cause)
            case Proposal() as proposal:
                if by := await self.authorised(proposal):
                    await self.act(proposal, by)

    async def look_again(self, pause: LookAgain) -> None:
        """Nothing to do yet; a suspicion that stays one, look after look, needs people."""
        if self._patience.is_worn:
            reason = f"look after look neither confirms nor dismisses a suspicion: {pause.why}"
            await self.hand_over(reason, key="suspicion")
        else:
            await self.pause(max(pause.after, timedelta(seconds=1)), f"look again: {pause.why}")

    # people

    def announce(self) -> None:
        """Tell level 1 what was found and what comes next."""
        record, case = self.record, self.record.case
        diagnosis, planned = record.diagnosis, record.plan
        if diagnosis is None or planned is None:
            return
        cause, step = diagnosis.first.cause, planned.step
        lines = escalation.opening(case, diagnosis, planned)
        if case.target.critical:
            where = guidance.where_to_look(case.target)
            self.people.tell(Level.L3, f"business-critical: {cause}", [*lines, where], key="critical")
        if self.must_ask(step):  # the request for approval says all of it
            return
        if patches.is_brief_suspicion(step, case.policy.pace.settle):
            show(record)
            return
        told = self.people.tell(Level.L1, record.headline, lines, key=f"{cause}/{step.kind}")
        if told is not None and case.policy.mode is Mode.AUTO:
            told.add_done_callback(self.people.acknowledge)
        show(self.record)

    def must_ask(self, step: Step) -> bool:
        """Whether a person has to approve this step."""
        is_observed = self.record.case.policy.mode is Mode.OBSERVE
        return isinstance(step, Proposal) and step.permission is Permission.APPROVAL and not is_observed

    async def authorised(self, proposal: Proposal) -> str | None:
        """Who decided for the act; None when nobody did, or nobody may."""
        if self.record.case.policy.mode is Mode.OBSERVE:
            await self.stand_by("mode is observe: nothing is touched")
            return None
        if self.must_ask(proposal):
            return await self.consent.ask(proposal)
        return PIPELINE

    async def hand_over(self, reason: str, key: str, about: Cause | None = None) -> None:
        """People decide from here, called once per `key`; the tool goes on looking, less and less often."""
        self.record.lapse(workflow.now())
        self.record.is_handed_over = True
        await self.neighbours.answers()
        self.people.call(Level.L2, reason, key, about)
        await self.stand_by(reason)

    async def stand_by(self, why: str) -> None:
        """Wait for news, or for the next look: the more fruitless looks, the longer."""
        await self.pause(self._patience.of_stand_by(), why)

    # acts

    async def act(self, proposal: Proposal, by: str) -> None:
        """Guard, do it once, and look whether it helped."""
        record, pace = self.record, self.record.case.policy.pace
        if refusal := await self.safeguard.refusal(proposal, by):
            await self.refused(proposal, refusal, self.safeguard.rests_until(proposal.act))
            return
        record.intend(proposal, workflow.now())
        self.gain.remember(proposal.act)
        show(self.record)
        outcome = await self.effects.act(proposal.act, by, self.safeguard.room(proposal.act))
        await self.safeguard.conclude(outcome)
        if outcome.status is OutcomeStatus.DENIED:
            await self.refused(proposal, outcome.detail, outcome.until)
            return
        record.acted(proposal, by, outcome, workflow.now())
        self._patience.refusals.forget()
        helped = await self.is_free(pace)
        record.judged(helped, workflow.now())
        await self.gain.weigh()
        await look_for_survivors(record, self.effects)
        if helped and outcome.status is OutcomeStatus.DONE and not record.has_more(proposal):
            await self.verify()
        elif not helped and patches.has_failed(record.attempts[-1]):
            self.people.call_leadership()

    async def refused(self, proposal: Proposal, reason: str, until: datetime | None) -> None:
        """Look again while that may help; whoever still refuses then needs people."""
        self.record.note(workflow.now(), f"not done: {reason}")
        patience = self._patience.refusals.patience(until, workflow.now())
        if patience is None:
            option = proposal.act.option
            await self.hand_over(f"{option} was not done: {reason}", key=f"refused/{option}")
        else:
            await self.pause(patience, f"not done, look again: {reason}")

    async def is_free(self, pace: Pace | None = None) -> bool | None:
        """One quick look at every instance, after an act at its pace; None when it cannot be told."""
        case = self.record.case
        free = verification.is_free(await self.effects.look(pace), case.target, case.policy)
        if free:
            self.record.good_look(workflow.now())
        else:
            self.record.bad_look()
        return free

    async def verify(self) -> None:
        """The clear window: one timer that a new alert breaks, one range query, five criteria."""
        record, case = self.record, self.record.case
        since = workflow.now()
        self._answered = record.firings
        record.good_look(since)
        show(self.record)
        if await self.refires(case.policy.clear_window.length, "clear window"):
            record.note(workflow.now(), "the alert fired again inside the clear window")
            record.bad_look()
            return
        window, pages = await asyncio.gather(self.effects.read_window(since), self.effects.look())
        is_resolved = not record.is_firing
        verdict = verification.verify(
            window, pages, case.target, case.policy, since=since, now=workflow.now(), is_resolved=is_resolved
        )
        record.verified(verdict, workflow.now())
        if verdict.state is State.RECOVERED:
            await self.gain.conclude()
            record.settle(workflow.now())
        else:
            record.bad_look()
            self.people.catch_up()

    async def watch(self) -> None:
        """Stay open through the cooldown: a recurrence comes into this run, with all that was tried."""
        record = self.record
        began, is_over = workflow.now(), False
        for offset in record.case.policy.pace.watch:
            if await self.refires(began + offset - workflow.now(), f"watch, look after {span(offset)}"):
                self.recur("the alert fired again")
                return
            free, is_over = await asyncio.gather(self.is_free(), self.is_over())
            if free is False:
                self.recur(f"exhausted again {span(offset)} after recovery")
                return
        while not is_over and not await self.is_over():
            if await self.refires(record.case.policy.pace.relook + self.rest(), "the alert still fires"):
                self.recur("the alert fired again")
                return
        record.close(workflow.now())

    def recur(self, why: str) -> None:
        """A new episode in the same run: it knows what was tried, and looks as for the first time."""
        self.record.recur(workflow.now(), why)
        if patches.begins_anew():
            self.record.evidence = None
            self._patience = Patience(self.record.case.policy.pace)

    async def leave(self) -> None:
        """Until every page is out and every message is answered; a new alert breaks it off."""

        def is_idle() -> bool:
            is_telling = self.people.is_telling or self.neighbours.is_telling
            return not is_telling and workflow.all_handlers_finished()

        await workflow.wait_condition(lambda: is_idle() or self.breaks_off())

    async def is_over(self) -> bool:
        """Whether the alert is gone: by delivery, or where none said so, by Prometheus itself."""
        return not self.record.is_firing or await self.effects.is_resolved()

    def has_fired(self) -> bool:
        """Whether an alert came since the clear window began; also while nobody waited for one."""
        return self.record.firings != self._answered and patches.hears_every_firing()

    def breaks_off(self) -> bool:
        """The same, while a report is stored or pages are under way."""
        return self.has_fired() and patches.firings_break_off()

    async def refires(self, length: timedelta, summary: str) -> bool:
        """Whether a new alert came since the clear window began, or comes within the time."""
        if self.has_fired():
            return True
        seen = self.record.firings
        return await happens(lambda: self.record.firings != seen, length.total_seconds(), summary)

    def rest(self) -> timedelta:
        """Beyond what the policy says, in a run of many days."""
        rest = rest_after(workflow.info().get_current_history_length())
        return rest if rest and patches.rests() else rest * 0

    async def pause(self, length: timedelta, why: str) -> None:
        """Wait, unless something happens or has happened since this attempt began."""
        show(self.record)
        await happens(self.record.hears_after(self._seen), length.total_seconds(), why[:200])
