"""When a pool is exhausted, and whether requests suffer from it."""

from workflows.models.evidence import ApplicationPage, PoolState
from workflows.models.policy import Policy
from workflows.models.reading import Unavailable, value_of
from workflows.readings import number
from workflows.wording import percent


def is_full(pool: PoolState, policy: Policy) -> bool:
    """At or above the threshold: 57 of 60 reads exactly 95.0 % and has nothing left to give."""
    return pool.utilization >= policy.thresholds.exhausted


def is_exhausted(pool: PoolState, policy: Policy, *, fails: bool = False) -> bool:
    """Above the threshold, or full while requests wait or `fails` (timeouts, a query not answered)."""
    return pool.utilization > policy.thresholds.exhausted or (
        is_full(pool, policy) and (fails or bool(pool.waiters))
    )


def are_requests_suffering(page: ApplicationPage, earlier: ApplicationPage | None) -> bool:
    """Whether requests wait, a query through the pool is not answered, or timeouts rose since `earlier`."""
    pool = value_of(page.pool)
    if (pool is not None and pool.waiters) or isinstance(page.probe_seconds, Unavailable):
        return True
    now, before = number(page.timeouts_total), number(earlier.timeouts_total) if earlier else None
    return now is not None and before is not None and now > before


def describe_pool(name: str, pool: PoolState) -> str:
    """One instance's pool in one clause."""
    waiting = f", {pool.waiters} requests waiting" if pool.waiters else ""
    return (
        f"{name}: {pool.active} of {pool.size} connections checked out ({percent(pool.utilization)}){waiting}"
    )
