"""The last look before an act on instances touches anything: a pool that is plainly free needs none. Pure.

The workflow's guard wanted two looks that show exhaustion. This one only asks whether that is over, so a pool
that is merely full is none of its business.
"""

from collections.abc import Iterable
from typing import NamedTuple

from workflows.exhaustion import describe_pool
from workflows.models.evidence import PoolState
from workflows.models.policy import Policy
from workflows.models.reading import Known, Unavailable
from workflows.wording import percent


class LastLook(NamedTuple):
    """Neither is said where a pool is still in need."""

    free: str | None = None
    """Every pool is plainly free, with the numbers."""
    unread: str | None = None
    """None is known to be in need, and one could not be read."""


def look_once_more(pools: Iterable[tuple[str, Known[PoolState] | Unavailable]], policy: Policy) -> LastLook:
    """By instance; it asks for no further pool once one is in need."""
    free, unread = [], []
    for name, reading in pools:
        if isinstance(reading, Unavailable):
            unread.append(f"{name}: {reading.reason}")
        elif is_plainly_free(reading.value, policy):
            free.append(describe_pool(name, reading.value))
        else:
            return LastLook()
    if unread:
        return LastLook(unread=f"could not be looked at once more: {'; '.join(unread)}")
    limit = percent(policy.clear_window.utilization)
    return LastLook(free=f"free by now (below {limit}, nobody known to wait): {'; '.join(free)}")


def is_plainly_free(pool: PoolState, policy: Policy) -> bool:
    """As after a recovery, and nobody is known to wait."""
    return pool.utilization < policy.clear_window.utilization and not pool.waiters
