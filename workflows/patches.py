"""Where a run that began with an earlier version decides as that one did, so that its history replays."""

from collections.abc import Iterator
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.attempts import may_have_touched
from workflows.diagnosis import diagnose, doubt
from workflows.failures import outcome_of, was_left
from workflows.models.base import Moment
from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus
from workflows.models.permit import Ledger
from workflows.models.plan import HandOver, LookAgain, Plan, Step
from workflows.models.policy import Approval, Option, Permission, Policy
from workflows.plan import plan
from workflows.record import Record

_UNSEEN_RESTARTS = "unseen-restarts-are-awaited"


def diagnosis_in_this_run(evidence: Evidence, record: Record) -> Diagnosis:
    """What is wrong; slow calls that had ended were usual, and hold times that rose were not awaited.

    What was unknown after a named cause was for people at once.
    """
    case, before, usual = record.case, record.evidence, record.usual
    found = diagnose(evidence, before, case.target, case.policy)
    now, then = usual.as_first_seen(evidence), before and usual.as_first_seen(before)
    if (now, then) != (evidence, before):
        by_first = diagnose(now, then, case.target, case.policy)
        if by_first != found and workflow.patched("usual-times-are-those-first-seen"):
            evidence, before, found = now, then, by_first
    otherwise = diagnose(evidence, before, case.target, case.policy, awaits_rising=False)
    if found != otherwise and not workflow.patched("rising-holds-are-awaited"):
        found = otherwise
    doubted = doubt(found, record.diagnosis, case.policy)
    return doubted if doubted == found or workflow.patched("lost-causes-are-looked-for-twice") else found


def plan_in_this_run(diagnosis: Diagnosis, evidence: Evidence, record: Record, now: Moment) -> Plan:
    """The plan; of restarts whose answer was lost none was awaited, then those alone that were still seen.

    A policy could allow a resize alone, a restart was waited for where no instance has a container, and an
    attempt that touched nothing counted as a try.
    """
    case, attempts = record.case, tuple(record.attempts)

    def planned(**earlier: bool) -> list[Plan]:
        return [
            plan(
                diagnosis,
                evidence,
                attempts,
                case.target,
                case.policy,
                now,
                is_handed_over=record.is_handed_over,
                awaits_restarts=awaits_restarts,
                awaits_unseen=awaits_unseen,
                **earlier,
            )
            for awaits_restarts, awaits_unseen in ((True, True), (True, False), (False, False))
        ]

    earlier: dict[str, bool] = {}
    plans = planned()
    for rule, patch in _earlier_rules(record):
        before = planned(**earlier, **{rule: True})
        if plans != before and not workflow.patched(patch):
            earlier[rule], plans = True, before
    found, seen, otherwise = plans
    if found != seen and not workflow.patched(_UNSEEN_RESTARTS):
        found = seen
    if found == seen != otherwise and not workflow.patched("lost-restarts-are-awaited"):
        found = otherwise
    return _looked_at_twice(found, diagnosis.first.cause)


def _earlier_rules(record: Record) -> Iterator[tuple[str, str]]:
    """What plans were made by, where it can matter, each with the patch that ended it."""
    case = record.case
    if case.policy.permission(Option.RESIZE) is Permission.ALONE:
        yield "resizes_alone", "resizes-are-asked-about"
    if not any(instance.container for instance in case.target.instances):
        yield "awaits_nowhere", "restarts-nowhere-are-not-awaited"
    if not all(map(may_have_touched, record.attempts)):
        yield "counts_together", "what-touched-nothing-is-no-try"


def refusal_in_this_run(refused: str | None, otherwise: str | None) -> str | None:
    """Why the guards refuse an act; `otherwise` by those that did not ask for restarts that were lost."""
    return refused if refused == otherwise or workflow.patched(_UNSEEN_RESTARTS) else otherwise


def _looked_at_twice(planned: Plan, cause: Cause) -> Plan:
    """An unknown cause was for people at the first look."""
    step = planned.step
    if not (isinstance(step, LookAgain) and cause is Cause.UNKNOWN):
        return planned
    if workflow.patched("unknown-is-looked-at-twice"):
        return planned
    return planned.model_copy(update={"step": HandOver(reason=step.why)})


def approval_in_this_run(approval: Approval) -> Approval:
    """One approval was enough, and no approver was paged alone, whatever the configuration said by then."""
    is_new = approval.people > 1 or bool(approval.routes)
    if is_new and not workflow.patched("approvers-are-asked-one-by-one"):
        return approval.model_copy(update={"people": 1, "routes": {}})
    return approval


def policy_in_this_run(policy: Policy) -> Policy:
    """No option had a cooldown of its own, whatever the configuration said by then."""
    if not policy.limits.cooldowns or workflow.patched("options-have-cooldowns"):
        return policy
    limits = policy.limits.model_copy(update={"cooldowns": {}})
    return policy.model_copy(update={"limits": limits})


def lost_leases_in_this_run(ledger: Ledger) -> Ledger:
    """A run's next act ended the lease of the one it had lost."""
    if len(ledger.permits) > 1 and not workflow.patched("lost-acts-keep-their-leases"):
        return ledger.model_copy(update={"permits": ledger.permits[-1:]})
    return ledger


def is_brief_suspicion(step: Step, settle: timedelta) -> bool:
    """The next look says what it is, before anybody has read a page; such suspicions were told."""
    is_brief = isinstance(step, LookAgain) and step.after <= settle
    return is_brief and workflow.patched("brief-suspicions-are-not-told")


def is_worn(by_all: bool, in_a_row: bool) -> bool:
    """Suspicions were counted over the whole run, and whatever was waited for among them."""
    if by_all == in_a_row:
        return in_a_row
    return in_a_row if workflow.patched("suspicions-count-in-a-row") else by_all


def begins_anew() -> bool:
    """A recurrence went on with the look before, the rounds and the refusals of the episode that was over."""
    return workflow.patched("recurrences-begin-anew")


def rests() -> bool:
    """A run of many days looked as often as at first; call it only where it would rest."""
    return workflow.patched("long-runs-rest")


def sets_clocks_anew() -> bool:
    """A timer that was set in a long step fired as much later; call it only where one would be set anew."""
    return workflow.patched("late-timers-are-set-anew")


def wait_in_this_run(longest: float, left: float) -> float:
    """For the first look, before an overdue page; clocks that were past waited one after the other."""
    return left if left == longest or workflow.patched("overdue-pages-wait-once") else longest


def firings_break_off() -> bool:
    """An alert that fired while a report was stored or pages were under way waited; call it only then."""
    return workflow.patched("firings-break-off")


def hears_every_firing() -> bool:
    """An alert that fired while nothing waited for one was passed over; call it only where there is one."""
    return workflow.patched("every-firing-is-heard")


def earlier_starts_count() -> bool:
    """The clocks counted from the first alert, however old the next ones; call it only for an older one."""
    return workflow.patched("earlier-starts-count")


def wishes_are_judged() -> bool:
    """Whoever said so kept or extended a temporary size; call it only where it is refused, or has to wait."""
    return workflow.patched("wishes-are-judged")


def survivors_are_told() -> bool:
    """Nobody looked what outlived a restart; call it only after one."""
    return workflow.patched("survivors-are-told")


def is_full_again(diagnosis: Diagnosis, *, was_free: bool) -> bool:
    """The pools are exhausted after a look found them free; the clocks stayed stopped."""
    is_full = was_free and bool(diagnosis.first.instances)
    return is_full and workflow.patched("exhausted-starts-the-clocks")


def outcome_in_this_run(failure: ActivityError) -> Outcome:
    """An act whose worker was told to end had failed, which barred its option."""
    outcome = outcome_of(failure)
    if was_left(failure) and not workflow.patched("left-acts-are-unknown"):
        return outcome.model_copy(update={"status": OutcomeStatus.FAILED})
    return outcome


def has_failed(attempt: Attempt) -> bool:
    """An act that did not help; leadership heard of one that touched nothing too."""
    return may_have_touched(attempt) or not workflow.patched("what-touched-nothing-fails-nobody")


def calls_after_restarts() -> bool:
    """The database team was called once no option was left, and not by a restart that changed nothing."""
    return workflow.patched("restarts-in-vain-are-told")
