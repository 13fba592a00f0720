"""Where a run that began with an earlier version decides as that one did, so that its history replays."""

from datetime import timedelta

from temporalio import workflow

from workflows.models.diagnosis import Cause, Diagnosis
from workflows.models.plan import HandOver, LookAgain, Plan, Step
from workflows.models.policy import Approval


def planned_in_this_run(planned: Plan, cause: Cause) -> Plan:
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


def is_brief_suspicion(step: Step, settle: timedelta) -> bool:
    """The next look says what it is, before anybody has read a page; such suspicions were told."""
    is_brief = isinstance(step, LookAgain) and step.after <= settle
    return is_brief and workflow.patched("brief-suspicions-are-not-told")


def is_full_again(diagnosis: Diagnosis, *, was_free: bool) -> bool:
    """The pools are exhausted after a look found them free; the clocks stayed stopped."""
    is_full = was_free and bool(diagnosis.first.instances)
    return is_full and workflow.patched("exhausted-starts-the-clocks")
