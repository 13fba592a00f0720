"""When a pool is exhausted, and what shows that requests suffer from it."""

from workflows.models.evidence import ApplicationPage, PoolState
from workflows.models.policy import Policy
from workflows.models.reading import Unavailable
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


def suffering(page: ApplicationPage, earlier: ApplicationPage | None) -> str | None:
    """What shows that requests suffer: waiters, a query not answered, timeouts since the earlier page."""
    pool = page.pool
    if not isinstance(pool, Unavailable) and pool.value.waiters:
        return f"{pool.value.waiters} requests are waiting"
    if isinstance(page.probe_seconds, Unavailable):
        return f"a query through the pool is not answered ({page.probe_seconds.reason})"
    now, before = number(page.timeouts_total), number(earlier.timeouts_total) if earlier else None
    if now is not None and before is not None and now > before:
        return f"{now - before:.0f} more acquire timeouts since the look before"
    return None


def describe_pool(name: str, pool: PoolState) -> str:
    """One instance's pool in one clause."""
    waiting = f", {pool.waiters} requests waiting" if pool.waiters else ""
    return (
        f"{name}: {pool.active} of {pool.size} connections checked out ({percent(pool.utilization)}){waiting}"
    )
