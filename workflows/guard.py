"""The guards before an act: each says in a sentence why it may not be done, or nothing. Pure.

A guard that cannot be read refuses. The act checks its own preconditions once more when it is done. Before
it begins, silences and maintenance are asked once more, and the workflow of its database server for a permit
(`activities.permits`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from workflows.attempts import (
    describe_exhaustion,
    may_have_touched,
    of_option,
    of_restart,
    rest_of_wave,
    told_to_stop,
)
from workflows.exhaustion import are_requests_suffering, is_full
from workflows.limits import excess
from workflows.lost_restarts import instances_restarted, stopping_until
from workflows.models.base import Moment
from workflows.models.diagnosis import Cause
from workflows.models.evidence import ApplicationPage, ApplicationReading, Evidence, PoolState
from workflows.models.outcome import Attempt
from workflows.models.plan import Proposal, Restart, Termination
from workflows.models.policy import Mode, Option, Permission, Policy
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.session import SessionIdentity
from workflows.models.target import Target
from workflows.readings import containers_of, fresh, pages_of, pool_on, pools_of
from workflows.wording import counted, listed, percent, span

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Facts:
    """What holds right before the act."""

    target: Target
    policy: Policy
    evidence: Evidence
    """The look that the proposal rests on."""
    pages: Known[ApplicationReading] | Unavailable
    """The look right now."""
    silence: Known[str | None] | Unavailable
    attempts: tuple[Attempt, ...]
    approved_by: str | None
    now: Moment
    awaits_restarts: bool = True


def check(
    proposal: Proposal,
    *,
    evidence: Evidence,
    pages: Known[ApplicationReading] | Unavailable,
    silence: Known[str | None] | Unavailable,
    attempts: tuple[Attempt, ...],
    target: Target,
    policy: Policy,
    now: Moment,
    approved_by: str | None = None,
    awaits_restarts: bool = True,
) -> str | None:
    """Why the act may not be done, or None.

    `evidence` is the look the proposal rests on, `pages` the look right now; `silence` holds who silenced the
    alert and why, or None when nobody did; `approved_by` is the person who approved; `awaits_restarts` as of
    the plan.
    """
    facts = Facts(
        target=target,
        policy=policy,
        evidence=evidence,
        pages=pages,
        silence=silence,
        attempts=attempts,
        approved_by=approved_by,
        now=now,
        awaits_restarts=awaits_restarts,
    )
    return next((refusal for guard in GUARDS.values() if (refusal := guard(proposal, facts))), None)


def _check_permission(proposal: Proposal, facts: Facts) -> str | None:
    option = proposal.act.option
    allowed = facts.policy.permission(option)
    if facts.policy.mode is Mode.OBSERVE:
        return "the mode is observe"
    if allowed is Permission.NEVER or proposal.permission is Permission.NEVER:
        return f"the policy never allows {option}"
    if Permission.APPROVAL in (allowed, proposal.permission) and facts.approved_by is None:
        return f"{option} needs approval, and nobody approved it"
    return None


def _check_silence(_proposal: Proposal, facts: Facts) -> str | None:
    current = fresh(facts.silence, facts.now, facts.policy.thresholds.fresh_for)
    if isinstance(current, Unavailable):
        return f"whether the alert is silenced could not be read: {current.reason}"
    return None if current.value is None else f"the alert is silenced: {current.value}"


def _check_maintenance(_proposal: Proposal, facts: Facts) -> str | None:
    return maintenance(facts.policy, facts.now)


def maintenance(policy: Policy, now: Moment) -> str | None:
    """That nothing may be done at this time of the week, and until when; None where it may."""
    ends = [end for window in policy.maintenance if (end := window.end(now))]
    return f"maintenance until {max(ends):%Y-%m-%d %H:%M} UTC" if ends else None


def _check_budget(_proposal: Proposal, facts: Facts) -> str | None:
    recent = [
        attempt for attempt in facts.attempts if may_have_touched(attempt) and facts.now - attempt.at < _HOUR
    ]
    if len(recent) >= facts.policy.limits.acts_per_hour:
        return f"{counted(len(recent), 'act')} in the last hour, as many as the policy allows"
    return None


def _check_cooldown(proposal: Proposal, facts: Facts) -> str | None:
    option = proposal.act.option
    until = rests_until(facts.attempts, facts.policy, option)
    left = until - facts.now if until else timedelta()
    last = "act" if until == rests_until(facts.attempts, facts.policy) else option
    return f"cooldown after the last {last}: {span(left)} left" if left > timedelta() else None


def rests_until(attempts: tuple[Attempt, ...], policy: Policy, option: Option | None = None) -> Moment | None:
    """The end of the cooldown after the last act, or of the option's own where that is later."""
    acts = [attempt for attempt in attempts if may_have_touched(attempt)]
    own = policy.limits.cooldowns.get(option, timedelta()) if option else timedelta()
    ends = [attempt.at + policy.limits.cooldown for attempt in acts]
    ends += [attempt.at + own for attempt in acts if attempt.proposal.act.option is option]
    return max(ends, default=None)


def _check_lost_restarts(proposal: Proposal, facts: Facts) -> str | None:
    """No instance is restarted while another may still be stopping, or the same."""
    if not (facts.awaits_restarts and isinstance(proposal.act, Restart)):
        return None
    found = containers_of(facts.evidence, facts.target, facts.policy)
    containers = {name: value_of(state) for name, state in found.items()}
    until = stopping_until(facts.attempts, containers, instances_restarted(facts.attempts))
    left = until - facts.now if until else timedelta()
    if left <= timedelta():
        return None
    return f"a restart whose answer was lost may be under way: {span(left)} left of its time to stop"


def _check_attempts(proposal: Proposal, facts: Facts) -> str | None:
    act = proposal.act
    tries = (
        of_restart(facts.attempts, act.instance)
        if isinstance(act, Restart)
        else of_option(facts.attempts, act.option)
    )
    # A run that counts them together has planned nothing that this bars: it only counts more.
    return describe_exhaustion(tries, facts.policy)


def _check_limits(proposal: Proposal, facts: Facts) -> str | None:
    return excess(proposal, facts.evidence, facts.target, facts.policy)


def _check_order(proposal: Proposal, facts: Facts) -> str | None:
    """Nobody's session is ended for a slow query whose statement was not told to stop before."""
    act = proposal.act
    if proposal.cause is not Cause.SLOW or not isinstance(act, Termination):
        return None
    told = {SessionIdentity(**each.model_dump()) for each in told_to_stop(facts.attempts)}
    if untold := [each for each in act.sessions if each not in told]:
        return f"their statements were not told to stop before: {listed(untold)}"
    return None


def _check_exhaustion(proposal: Proposal, facts: Facts) -> str | None:
    """Still exhausted: two bad looks at the same process, and requests that suffer now.

    The rest of a leak whose first wave is just done is ended all the same.
    """
    act = proposal.act
    names = (
        [act.instance] if isinstance(act, Restart) else [instance.name for instance in facts.target.instances]
    )
    pages = pages_of(facts.pages, facts.target, facts.policy, facts.now)
    found = {name: _look_twice(name, pages[name], proposal, facts) for name in names if name in pages}
    if not found:
        return "the instance is not in the configuration"
    if None in found.values():
        return None
    return "; ".join(f"{name}: {reason}" for name, reason in found.items())


def _look_twice(
    name: str, page: Known[ApplicationPage] | Unavailable, proposal: Proposal, facts: Facts
) -> str | None:
    """Why two looks do not show this instance as exhausted, or None if they do."""
    before = pools_of(facts.evidence, facts.target, facts.policy)[name]
    now = pool_on(page, facts.policy, facts.now)
    if isinstance(page, Unavailable):
        return f"it could not be looked at again ({page.reason})"
    if isinstance(now, Unavailable):
        return f"its pool could not be read again ({now.reason})"
    if isinstance(before, Unavailable):
        return f"its pool could not be read before ({before.reason})"
    started = value_of(page.value.started_at)
    if started is not None and started > before.at:
        return "it was started anew since it was looked at"
    return _compare(before.value, now.value, page.value, _page_before(name, facts), proposal, facts)


def _compare(
    before: PoolState,
    now: PoolState,
    page: ApplicationPage,
    page_before: ApplicationPage | None,
    proposal: Proposal,
    facts: Facts,
) -> str | None:
    if _is_rest_of_wave(proposal, facts):
        return None
    if not (is_full(before, facts.policy) and is_full(now, facts.policy)):
        return f"not exhausted in both looks ({percent(before.utilization)}, {percent(now.utilization)})"
    if not are_requests_suffering(page, page_before):
        return "full, but nobody waits, nothing times out and a query is answered"
    return None


def _is_rest_of_wave(proposal: Proposal, facts: Facts) -> bool:
    """Sessions that were named as leaked while the pool was exhausted; the wave before may have freed it."""
    act = proposal.act
    rest = rest_of_wave(facts.attempts, facts.policy, facts.now)
    return isinstance(act, Termination) and rest.issuperset(act.sessions)


def _page_before(name: str, facts: Facts) -> ApplicationPage | None:
    pages = pages_of(facts.evidence.application, facts.target, facts.policy, facts.evidence.at)
    return value_of(pages[name])


GUARDS: Mapping[str, Callable[[Proposal, Facts], str | None]] = MappingProxyType(
    {
        "permission": _check_permission,
        "silence": _check_silence,
        "maintenance": _check_maintenance,
        "acts per hour": _check_budget,
        "cooldown": _check_cooldown,
        "lost restarts": _check_lost_restarts,
        "earlier attempts": _check_attempts,
        "limits": _check_limits,
        "least first": _check_order,
        "still exhausted": _check_exhaustion,
    }
)
"""By what each asks, in the order in which a person would want to hear of them."""
