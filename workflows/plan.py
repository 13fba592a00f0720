"""From diagnosis to the next step only: least disruption first, knowing what was tried. Pure."""

from collections.abc import Callable

from workflows.models.base import Moment
from workflows.models.diagnosis import Cause, Diagnosis, Finding
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt
from workflows.models.plan import HandOver, Healthy, LookAgain, Plan, Proposal
from workflows.models.policy import Mode, Permission, Policy
from workflows.models.target import Target
from workflows.remedies.cancellation import propose_cancellation
from workflows.remedies.index import propose_index
from workflows.remedies.resize import propose_resize
from workflows.remedies.restart import propose_restart, wait_for_lost_restart
from workflows.remedies.session_timeout import propose_session_timeout
from workflows.remedies.situation import Situation
from workflows.remedies.slow_query import propose_cancel_of_slow, propose_end_of_slow, wait_for_old_plans
from workflows.remedies.termination import propose_end_of_root, propose_rest, propose_termination

type Remedy = Callable[[Situation], Proposal | str | None]
"""The act, or why it is left out; None where it is not its turn, of which nobody needs to hear."""

REMEDIES: dict[Cause, tuple[Remedy, ...]] = {
    Cause.LEAK: (propose_termination, propose_session_timeout, propose_restart),
    Cause.LOCK: (propose_end_of_root,),
    Cause.DDL_QUEUE: (propose_cancellation,),
    Cause.SLOW: (propose_cancel_of_slow, propose_end_of_slow, propose_index),
    Cause.IDLE_LEAK: (propose_restart,),
    Cause.UNDERSIZED: (propose_resize,),
    Cause.SPIKE: (propose_resize,),
}
"""Per cause the options in the order of their disruption; a cause that is not listed goes to people."""

_WHY_PEOPLE = {
    Cause.LEAK: "connections leak, and no option is left",
    Cause.LOCK: "sessions wait for locks, and who holds them is not for poolmedic to end",
    Cause.DDL_QUEUE: "sessions wait behind a change of a table that waits itself, which a person must cancel",
    Cause.SLOW: "one query takes many times its usual time, and to cancel it did not last or may not be done",
    Cause.IDLE_LEAK: "connections are forgotten outside any transaction, and no instance is left to restart",
    Cause.HOLD: "requests hold connections while they wait for something else than the database; "
    "nothing is ended or restarted, since they would wait for it again",
    Cause.UNDERSIZED: "the pool is too small for the usual work, and it cannot be enlarged",
    Cause.SPIKE: "traffic is far above the usual, and the pool cannot be enlarged: scaling out may help",
    Cause.LOST_CAPACITY: "instances or connections are missing, which a restart would not bring back",
    Cause.DEGRADED: "the database server itself is slow: nothing done to the application would help",
    Cause.UNKNOWN: "no known cause fits",
}
"""The same words at every look: people are called once per reason. The numbers are in the diagnosis."""


def plan(
    diagnosis: Diagnosis,
    evidence: Evidence,
    attempts: tuple[Attempt, ...],
    target: Target,
    policy: Policy,
    now: Moment,
    *,
    is_handed_over: bool = False,
    awaits_restarts: bool = True,
    awaits_unseen: bool = True,
    resizes_alone: bool = False,
    awaits_nowhere: bool = False,
    counts_together: bool = False,
) -> Plan:
    """The next step. `evidence` is what the diagnosis rests on, `attempts` everything this incident tried.

    `is_handed_over`: people were asked to take over. `awaits_restarts`: one whose answer was lost has its
    time to end before anything else is done; `awaits_unseen`: also where nothing is seen of the instance, or
    of its container. `resizes_alone`: nobody is asked about a larger pool where the policy says so.
    `awaits_nowhere`: a restart comes before what stays, even where no instance has a container.
    `counts_together`: an attempt that touched nothing counts as a try.
    """
    situations = [
        Situation(
            diagnosis,
            finding,
            evidence,
            attempts,
            target,
            policy,
            now,
            is_handed_over,
            resizes_alone,
            awaits_nowhere,
            counts_together,
        )
        for finding in diagnosis.findings
    ]
    if diagnosis.first.cause is Cause.DEGRADED:
        # A lesser cause beside it may be what the slowness made of honest work.
        return Plan(step=HandOver(reason=_reason(diagnosis)))
    rest = propose_rest(situations[0])
    if isinstance(rest, Proposal) and rest.permission is Permission.ALONE:
        return Plan(step=rest)
    if diagnosis.first.cause is Cause.HEALTHY:
        return _verify(diagnosis.first, rest)
    if awaits_restarts and (pause := wait_for_lost_restart(situations[0], awaits_unseen=awaits_unseen)):
        return Plan(step=pause)
    step, left_out = _choose(situations, policy)
    return Plan(step=step or HandOver(reason=_reason(diagnosis)), left_out=left_out)


def _choose(
    situations: list[Situation], policy: Policy
) -> tuple[LookAgain | Proposal | None, tuple[str, ...]]:
    """The first remedy that applies, of the likeliest cause first; and why each before it was left out."""
    left_out: list[str] = []
    for situation in situations:
        if pause := _wait(situation.finding) or wait_for_old_plans(situation):
            return pause, tuple(left_out)
        for remedy in REMEDIES.get(situation.finding.cause, ()):
            answer = ask_somebody(remedy(situation), policy)
            if isinstance(answer, Proposal):
                return answer, tuple(left_out)
            left_out += [answer] if answer else []
    return None, tuple(left_out)


def ask_somebody(answer: Proposal | str | None, policy: Policy) -> Proposal | str | None:
    """Leave out what needs approval where nobody is named who could give it."""
    asks = isinstance(answer, Proposal) and answer.permission is Permission.APPROVAL
    if (
        not isinstance(answer, Proposal)
        or not asks
        or policy.approval.approvers
        or policy.mode is Mode.OBSERVE
    ):
        return answer
    return f"{answer.act.option}: it needs approval, and approval.approvers names nobody. {answer.effect}"


def _verify(finding: Finding, rest: Proposal | str | None) -> Plan:
    """No pool is exhausted. A free pool withdraws every request, so nobody is asked about a wave's rest."""
    if isinstance(rest, Proposal):
        rest = f"{rest.act.option}: the pool is free without it, and it would need approval. {rest.effect}"
    return Plan(step=Healthy(why=" ".join(finding.reasons)), left_out=(rest,) if rest else ())


def _wait(finding: Finding) -> LookAgain | None:
    """Only a suspicion is waited for."""
    if finding.ripe_in is None:
        return None
    is_unknown = finding.cause is Cause.UNKNOWN
    why = _WHY_PEOPLE[Cause.UNKNOWN] if is_unknown else " ".join(finding.reasons[:1])
    return LookAgain(after=finding.ripe_in, why=why, is_suspicion=not is_unknown)


def _reason(diagnosis: Diagnosis) -> str:
    unread = [reason.partition(":")[0] for reason in diagnosis.missing]
    why = _WHY_PEOPLE[diagnosis.first.cause]
    return f"{why}; could not be read: {', '.join(unread)}" if unread else why
