"""Several instances: all of them must be seen, and the worst one counts."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.scenes import GONE, known, page, pool, target
from tests.unit.verdicts import I, N, R, criterion, judge, seen, window
from workflows.criteria import worst
from workflows.models.verdict import State


@pytest.mark.parametrize("other", [GONE, None], ids=["unavailable", "not mentioned"])
def test_every_configured_instance_must_be_in_the_window(other: Any) -> None:
    two = target(instances=2)
    found = window(seen(), other) if other else window(seen())
    pages = scenes.application(page(pool(4)), page(pool(4)))

    verdict = judge(found, pages, two)

    assert verdict.state is I
    assert criterion(verdict, "pool utilization").measured.startswith("web-2: ")


def test_the_worst_instance_counts_never_an_average() -> None:
    two = target(instances=2)
    pages = scenes.application(page(pool(1)), page(pool(4)))

    verdict = judge(window(seen(utilization_max=0.01), seen(utilization_max=0.71)), pages, two)

    assert verdict.state is N
    assert criterion(verdict, "pool utilization").measured == "web-2: 71.0 % at most"


def test_an_instance_nobody_configured_counts_where_it_was_seen() -> None:
    assert judge(window(seen(), seen(timeouts=known(3.0)))).state is N


def test_an_instance_that_nobody_asked_leaves_it_open() -> None:
    verdict = judge(window(seen(), unexpected=("web-3",)))

    assert verdict.state is State.INCONCLUSIVE
    assert "web-3" in criterion(verdict, "instances up").measured


def test_not_recovered_outweighs_inconclusive() -> None:
    assert judge(window(seen(timeouts=known(3.0), errors_503=GONE), request_rate=GONE), GONE).state is N


@pytest.mark.parametrize(
    ("states", "state"),
    [([], I), ([R], R), ([R, R], R), ([R, I], I), ([I, N], N), ([R, N, I], N)],
)
def test_the_worst_of_several(states: list[State], state: State) -> None:
    assert worst(states) is state
