"""The last look before an act on an instance: what is plainly free needs no act any more."""

from typing import NamedTuple

import pytest

from tests.unit import scenes
from workflows.last_look import LastLook, look_once_more
from workflows.models.evidence import PoolState
from workflows.models.policy import ClearWindow
from workflows.models.reading import Known, Unavailable

POLICY = scenes.policy()
FREE = scenes.known(scenes.pool(active=13))
FULL = scenes.known(scenes.pool())


class Row(NamedTuple):
    """The pools by instance, and whether the act is still called for."""

    pools: dict[str, Known[PoolState] | Unavailable]
    is_free: bool = False
    is_unread: bool = False


ROWS = {
    "free": Row({"web-1": FREE}, is_free=True),
    "at what recovery allows": Row({"web-1": scenes.known(scenes.pool(active=14))}),
    "full": Row({"web-1": FULL}),
    "somebody waits": Row({"web-1": scenes.known(scenes.pool(active=13, waiters=1))}),
    "who waits is not told": Row({"web-1": scenes.known(scenes.pool(active=13, waiters=None))}, is_free=True),
    "unreadable": Row({"web-1": scenes.GONE}, is_unread=True),
    "one is full": Row({"web-1": FREE, "web-2": FULL}),
    "one is full, another unreadable": Row({"web-1": scenes.GONE, "web-2": FULL}),
    "one is free, another unreadable": Row({"web-1": FREE, "web-2": scenes.GONE}, is_unread=True),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_only_what_is_free_everywhere_needs_no_act(row: Row) -> None:
    look = look_once_more(row.pools.items(), POLICY)
    assert (look.free is not None, look.unread is not None) == (row.is_free, row.is_unread)


def test_it_says_the_numbers_and_what_it_could_not_read() -> None:
    assert look_once_more([("web-1", FREE)], POLICY) == LastLook(
        free="free by now (below 70.0 %, nobody known to wait): "
        "web-1: 13 of 20 connections checked out (65.0 %)"
    )
    assert look_once_more([("web-1", scenes.GONE)], POLICY) == LastLook(
        unread="could not be looked at once more: web-1: connection refused"
    )


def test_what_is_free_is_the_policy_s_own_criterion() -> None:
    strict = scenes.policy(clear_window=ClearWindow(utilization=0.5))
    assert look_once_more([("web-1", FREE)], strict) == LastLook()


def test_it_reads_no_further_than_to_the_first_that_is_in_need() -> None:
    pools = iter([("web-1", FULL), ("web-2", FREE)])
    look_once_more(pools, POLICY)
    assert next(pools) == ("web-2", FREE)
