"""What would follow the first step of a plan: each further option by its own rules, on suppositions. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from workflows.models.base import Model
from workflows.models.diagnosis import Diagnosis
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus, Touched
from workflows.models.plan import Cancellation, Plan, Proposal, Termination
from workflows.models.policy import Policy
from workflows.models.target import Target
from workflows.plan import REMEDIES, Remedy, ask_somebody
from workflows.remedies.index import propose_index
from workflows.remedies.restart import propose_restart
from workflows.remedies.session_timeout import is_after_restart, propose_session_timeout
from workflows.remedies.situation import Situation
from workflows.remedies.slow_query import propose_end_of_slow

_NOBODY = "nobody: supposed"
_WITHOUT_HELP = "if that does not help"


class Further(Model):
    """A step that an incident may come to, after what; or why it is left out, whatever comes."""

    when: str
    step: Proposal | str


def what_follows(
    planned: Plan, diagnosis: Diagnosis, evidence: Evidence, target: Target, policy: Policy
) -> tuple[Further, ...]:
    """Nothing where no act comes first. What the plan has told of is not told again."""
    if not isinstance(planned.step, Proposal):
        return ()
    told: list[Proposal | str] = [planned.step, *planned.left_out]
    found: list[Further] = []
    for finding in diagnosis.findings:
        if finding.ripe_in is not None:
            break
        situation = Situation(diagnosis, finding, evidence, (), target, policy, evidence.at)
        for further in _of(situation, planned.step):
            step = ask_somebody(further.step, policy)
            if step is not None and step not in told:
                told.append(step)
                found.append(Further(when=further.when, step=step))
    return tuple(found)


def _of(situation: Situation, first: Proposal) -> Iterator[Further]:
    """Of the finding that is acted on what comes after; of another one all, by themselves."""
    remedies = REMEDIES.get(situation.finding.cause, ())
    if situation.finding.cause is not first.cause:
        for remedy in remedies:
            yield from _asked(f"if it is {situation.finding.cause}", remedy, situation)
        return
    is_last = propose_session_timeout if is_after_restart(situation) else None
    for remedy in sorted(remedies, key=lambda each: each is is_last):
        suppose = _SUPPOSED.get(remedy)
        if suppose is not None:
            yield from suppose(situation, first)


def _asked(when: str, remedy: Remedy, situation: Situation) -> Iterator[Further]:
    answer = remedy(situation)
    if answer is not None:
        yield Further(when=when, step=answer)


def _end_of_slow(situation: Situation, first: Proposal) -> Iterator[Further]:
    supposed = replace(situation, attempts=(_told(first, situation),))
    yield from _asked("if a statement runs on though it was told to stop", propose_end_of_slow, supposed)


def _index(situation: Situation, first: Proposal) -> Iterator[Further]:
    supposed = replace(situation, attempts=(_told(first, situation),))
    yield from _asked("if that query fills the pool again after that", propose_index, supposed)


def _restarts(situation: Situation, first: Proposal) -> Iterator[Further]:
    """One instance after the other."""
    supposed = replace(situation, attempts=(_told(first, situation),))
    for _ in situation.target.instances:
        for further in _asked(_WITHOUT_HELP, propose_restart, supposed):
            yield further
            if not isinstance(further.step, Proposal):
                return
            supposed = replace(supposed, attempts=(*supposed.attempts, _told(further.step, situation)))


def _timeout(situation: Situation, first: Proposal) -> Iterator[Further]:
    """As if sessions had been ended just before those that are leaked now were."""
    leaked = [session.identity.state_change for session in situation.finding.sessions]
    if not isinstance(first.act, Termination) or not leaked:
        return
    ended = first.model_copy(update={"act": Termination(sessions=())})
    before = Attempt(
        proposal=ended,
        decided_by=_NOBODY,
        at=min(leaked) - timedelta(seconds=1),
        outcome=Outcome(status=OutcomeStatus.DONE),
        helped=True,
    )
    when, attempts = "if connections leak again after that", [before]
    if is_after_restart(situation):
        when += ", and after a restart"
        restarts = [each.step for each in _restarts(situation, first)]
        attempts += [_told(step, situation) for step in restarts if isinstance(step, Proposal)]
    when += "; the sessions of now stand for those of then"
    yield from _asked(when, propose_session_timeout, replace(situation, attempts=tuple(attempts)))


def _told(proposal: Proposal, situation: Situation) -> Attempt:
    """As if it had been done, everything told to stop, and nothing were better."""
    act = proposal.act
    statements = act.statements if isinstance(act, Cancellation) else ()
    touched = tuple(Touched(what=str(each), changed=True, result=_NOBODY) for each in statements)
    return Attempt(
        proposal=proposal,
        decided_by=_NOBODY,
        at=situation.now,
        outcome=Outcome(status=OutcomeStatus.DONE, touched=touched),
        helped=False,
    )


_SUPPOSED: dict[Remedy, Callable[[Situation, Proposal], Iterator[Further]]] = {
    propose_session_timeout: _timeout,
    propose_restart: _restarts,
    propose_end_of_slow: _end_of_slow,
    propose_index: _index,
}
"""What comes after something else; the other options come first, or not at all."""
