"""One quick look: whether the pools are free, and whether a temporary size can go."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.scenes import GONE, NOW, page, policy, pool, target
from workflows.verification import is_free, sizes, would_crowd


@pytest.mark.parametrize(
    ("answers", "free"),
    [
        ([page(pool(4)), page(pool(18))], True),
        ([page(pool(4)), page(pool(20))], False),
        ([page(pool(4)), page(pool(57, 60))], True),
        ([page(pool(4)), page(pool(57, 60, waiters=1))], False),
        ([page(pool(4)), page(pool(4), probe_seconds=GONE)], False),
        ([page(pool(4)), page(pool=GONE)], None),
        ([page(pool(4)), page(pool=GONE, probe_seconds=GONE)], False),
        ([page(pool(4)), GONE], None),
        ([page(pool(4))], None),
        ([GONE, page(pool(20))], False),
    ],
)
def test_a_quick_look_needs_every_instance_for_good_and_one_for_bad(
    answers: list[Any], free: bool | None
) -> None:
    assert is_free(scenes.application(*answers), target(instances=2), policy()) is free


def test_a_quick_look_at_nothing_cannot_tell() -> None:
    assert is_free(GONE, target(), policy()) is None
    stale = scenes.application(page(pool(4)), at=NOW - timedelta(minutes=2)).model_copy(update={"at": NOW})
    assert is_free(stale, target(), policy()) is None


@pytest.mark.parametrize(("active", "free"), [(13, True), (14, False)])
def test_a_quick_look_can_ask_for_more_than_not_exhausted(active: int, free: bool) -> None:
    pages = scenes.application(page(pool(active)))

    assert is_free(pages, target(), policy()) is True
    assert is_free(pages, target(), policy(), limit=0.7) is free


# the size of a temporary change


def test_sizes_are_those_that_could_be_read() -> None:
    assert sizes(scenes.application(page(pool(4, 40)), page(pool=GONE), GONE)) == {"web-1": 40}
    assert sizes(GONE) == {}


@pytest.mark.parametrize(
    ("answer", "exhausts"),
    [
        (page(pool(13, 40)), False),
        (page(pool(14, 40)), True),
        (page(pool(30, 40)), True),
        (page(pool=GONE), True),
        (GONE, True),
    ],
)
def test_a_smaller_size_is_not_gone_back_to_while_more_is_needed(answer: Any, exhausts: bool) -> None:
    assert would_crowd(scenes.application(answer), {"web-1": 20}, policy()) is exhausts
    assert would_crowd(GONE, {"web-1": 20}, policy()) is True
    assert would_crowd(GONE, {}, policy()) is False
