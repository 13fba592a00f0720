"""Has it recovered? Five criteria of the runbook, demand, and instances that are up; three answers. Pure.

A reading that is missing, stale, too sparse or no number is `inconclusive`, never `recovered`;
`not recovered` outweighs `inconclusive`.
"""

from workflows.criteria import CRITERIA, worst
from workflows.exhaustion import is_exhausted
from workflows.measured import Measured
from workflows.models.base import Moment
from workflows.models.evidence import ApplicationPage, ApplicationReading, ContainersReading
from workflows.models.policy import Policy, Share
from workflows.models.reading import Known, Unavailable, value_of
from workflows.models.target import Target
from workflows.models.verdict import Verdict, WindowReading
from workflows.readings import pages_of, pool_on


def verify(
    window: Known[WindowReading] | Unavailable,
    pages: Known[ApplicationReading] | Unavailable,
    target: Target,
    policy: Policy,
    *,
    since: Moment,
    now: Moment,
    containers: Known[ContainersReading] | Unavailable | None = None,
    is_resolved: bool = False,
) -> Verdict:
    """Judge the clear window that began at `since`, the fix or the first good look after it.

    `pages` is a look at the end of the window; `containers`, where they were asked, must run. `is_resolved`:
    Alertmanager said that the alert is over.
    """
    measured = Measured(window, pages, containers, target, policy, since, now, is_resolved)
    criteria = tuple(judge(measured) for judge in CRITERIA)
    state = worst(criterion.state for criterion in criteria)
    return Verdict(state=state, criteria=criteria, since=since, until=now)


def is_free(
    pages: Known[ApplicationReading] | Unavailable,
    target: Target,
    policy: Policy,
    *,
    limit: Share | None = None,
) -> bool | None:
    """One quick look: every instance answers, none is exhausted, or fuller than `limit`; None: cannot tell.

    One bad instance is enough for False, every one must be good for True.
    """
    if isinstance(pages, Unavailable):
        return None
    found = pages_of(pages, target, policy, pages.at)
    answers = [_is_instance_free(page, policy, pages.at, limit) for page in found.values()]
    if False in answers:
        return False
    return None if None in answers else True


def _is_instance_free(
    page: Known[ApplicationPage] | Unavailable, policy: Policy, now: Moment, limit: Share | None
) -> bool | None:
    pool = value_of(pool_on(page, policy, now))
    does_not_answer = isinstance(page, Known) and isinstance(page.value.probe_seconds, Unavailable)
    if does_not_answer:
        return False
    if pool is None:
        return None
    is_over = limit is not None and pool.utilization >= limit
    return not (is_over or is_exhausted(pool, policy))


def sizes(pages: Known[ApplicationReading] | Unavailable) -> dict[str, int]:
    """The effective maximum of every pool that could be read."""
    found = pages.value.instances.items() if isinstance(pages, Known) else ()
    return {
        name: page.value.pool.value.size
        for name, page in found
        if isinstance(page, Known) and isinstance(page.value.pool, Known)
    }


def would_crowd(
    pages: Known[ApplicationReading] | Unavailable, baseline: dict[str, int], policy: Policy
) -> bool:
    """Whether pools of these sizes would be fuller than recovery allows, or that cannot be told."""
    found = pages.value.instances if isinstance(pages, Known) else {}
    return any(_would_crowd_one(found.get(name, _NOT_ASKED), size, policy) for name, size in baseline.items())


def _would_crowd_one(page: Known[ApplicationPage] | Unavailable, size: int, policy: Policy) -> bool:
    pool = value_of(page.value.pool) if isinstance(page, Known) else None
    if pool is None:
        return True
    utilization = pool.model_copy(update={"size": size}).utilization
    return utilization >= policy.clear_window.utilization


_NOT_ASKED = Unavailable(reason="the instance was not asked")
