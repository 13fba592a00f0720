"""How full the pools were over an incident, as a real Prometheus remembers it: what a report's plot shows."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from activities.curves import POINTS
from deploy.local.state import State
from tests.fakes import cases
from tests.ports.past import ACTIVE, NOW, SIZE, Past, Remembering


@pytest.fixture
async def prometheus(stack_state: State) -> AsyncIterator[Remembering]:
    async with AsyncExitStack() as stack:
        yield Remembering(stack, stack_state)


async def test_every_instance_has_its_own_line(prometheus: Remembering) -> None:
    prometheus.target = cases.target(profile="covetpy", instances=2)
    past = Past()
    past.add_pool("orders-1", active=lambda ago: 10 if 200 < ago < 400 else 2)
    past.add_pool("orders-2", active=lambda ago: 5 if ago > 300 else 0)
    found = await prometheus.curves(past, 600)
    assert found.missing == {}
    one, two = found.lines["orders-1"], found.lines["orders-2"]
    assert {sample.value for sample in one} == {0.2, 1.0}
    assert {sample.value for sample in two} == {0.5, 0.0}
    full = [NOW.timestamp() - sample.at for sample in one if sample.value == 1.0]
    assert 200 <= min(full) <= 205
    assert 390 <= max(full) <= 400
    assert one[0].at >= NOW.timestamp() - 610
    assert one[-1].at == NOW.timestamp()


async def test_a_long_incident_has_no_more_points_than_a_picture_shows(prometheus: Remembering) -> None:
    past = Past(every=60.0, back=6 * 3600)
    past.add_pool(active=4)
    found = await prometheus.curves(past, 6 * 3600)
    assert POINTS / 2 < len(found.lines["orders-1"]) <= POINTS + 1


async def test_what_was_not_scraped_is_no_zero(prometheus: Remembering) -> None:
    prometheus.target = cases.target(profile="covetpy", instances=3)
    past = Past(back=1800)
    past.add_pool("orders-1", active=lambda ago: 5 if not 500 < ago < 1200 else None)
    past.add(ACTIVE, 3, "orders-2")
    past.add(ACTIVE, math.nan, "orders-3")
    past.add(SIZE, 10, "orders-3")
    found = await prometheus.curves(past, 1800)
    assert {sample.value for sample in found.lines["orders-1"]} == {0.5}
    # Prometheus itself goes on with a last value for five minutes.
    ages = [NOW.timestamp() - sample.at for sample in found.lines["orders-1"]]
    assert not [age for age in ages if 505 < age < 890]
    assert found.missing == dict.fromkeys(
        ("orders-2", "orders-3"), "Prometheus has no sample of its pool in that time"
    )
