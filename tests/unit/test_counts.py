"""How many idle sessions are checked out: never more than really are, whatever else is on the server."""

from dataclasses import replace
from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.causes.counts import Counts
from workflows.models.evidence import PoolState


def counts(*pools: tuple[int, int], sessions: int, idle: int = 0, every: int | None = None) -> Counts:
    """`(checked out, idle)` of web-1, web-2, ..."""
    states = {
        f"web-{number}": PoolState(active=active, idle=idle, size=20)
        for number, (active, idle) in enumerate(pools, 1)
    }
    return Counts(states, sessions, idle, idle if every is None else every)


@pytest.mark.parametrize(
    ("found", "held"),
    [
        (counts((20, 0), sessions=20, idle=18), 18),
        (counts((20, 0), sessions=20, idle=20), 20),
        (counts((2, 18), sessions=20, idle=18), 0),
        (counts((12, 8), sessions=20, idle=18), 10),
        (counts((20, 0), sessions=24, idle=18), 14),
        (counts((20, 0), sessions=12, idle=10), 10),
        (counts((20, 0), (2, 18), sessions=40, idle=38), 18),
        (counts((20, 0), (20, 0), sessions=40, idle=20), 0),
        (counts((20, 0), (20, 0), sessions=40, idle=40), 20),
    ],
    ids=[
        "the rest works",
        "every one",
        "the pool's own",
        "some are the pool's own",
        "some may be anybody's",
        "some have no session",
        "another's own are not counted, and its two may be among them",
        "all may be another's",
        "both",
    ],
)
def test_what_is_certainly_checked_out_on_the_first(found: Counts, held: int) -> None:
    assert found.held(("web-1",)) == held


@pytest.mark.parametrize(
    ("every", "strangers", "likely"),
    [(20, 0, 0), (38, 0, 18), (41, 0, 18), (38, 3, 15), (29, 0, 9)],
    ids=[
        "the old ones are the pool's",
        "young ones are the pool's",
        "no more than are old",
        "anybody's",
        "some",
    ],
)
def test_young_idle_sessions_say_which_are_the_pool_s(every: int, strangers: int, likely: int) -> None:
    found = counts((20, 0), (2, 18), sessions=40 + strangers, idle=20, every=every)

    assert found.held(("web-1",)) == 0
    assert found.likely(("web-1",)) == likely


@pytest.mark.parametrize(("possible", "held"), [({"web-2": 0}, 18), ({"web-2": 5}, 13), ({"web-1": 0}, 0)])
def test_what_another_cannot_have_opened_is_not_its_own(possible: dict[str, int], held: int) -> None:
    found = counts((20, 0), (2, 18), sessions=40, idle=18)

    assert found.held(("web-1",)) == 0
    assert replace(found, possible=possible).held(("web-1",)) == held


def test_pools_and_server_disagree_by_what_either_has_more() -> None:
    assert counts((20, 0), (4, 16), sessions=43).gap == 3
    assert counts((20, 0), (4, 16), sessions=37).gap == 3


INSTANCE = st.tuples(*[st.integers(0, 12)] * 5)
"""Forgotten with a session and without, at work, idle for long and idle for a moment."""


@given(st.lists(INSTANCE, min_size=1, max_size=4), st.integers(0, 8), st.integers(0, 8))
def test_never_more_than_are_forgotten(
    instances: list[tuple[int, ...]], strangers_idle: int, strangers_busy: int
) -> None:
    idle_for_long = sum(each[0] + each[3] for each in instances) + strangers_idle
    found = counts(
        *((idle + lost + busy, old + young) for idle, lost, busy, old, young in instances),
        sessions=sum(sum(each) - each[1] for each in instances) + strangers_idle + strangers_busy,
        idle=idle_for_long,
    )
    names = [f"web-{number}" for number in range(1, len(instances) + 1)]
    subsets = chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
    for chosen in subsets:
        forgotten = sum(
            each[0] + each[1] for name, each in zip(names, instances, strict=True) if name in chosen
        )
        if not any(each[1] for each in instances) or not strangers_idle:
            assert found.held(chosen) <= forgotten
