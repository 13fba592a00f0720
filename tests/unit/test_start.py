"""From when the clocks count."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import cases
from tests.unit.scenes import NOW
from workflows.record import Record

ARRIVED = NOW - timedelta(seconds=20)
"""The run begins a moment after the alert came."""


def begun(starts_at: datetime, clock: timedelta = timedelta()) -> Record:
    """By a webhook whose clock is off by so much."""
    subject = cases.target()
    first = cases.alert(subject, starts_at, received_at=ARRIVED + clock)
    return Record(cases.case(subject, cases.policy(), first), NOW, ARRIVED)


@pytest.mark.parametrize("age", [timedelta(), timedelta(minutes=40), timedelta(days=30)])
def test_an_alert_that_waited_counts_from_its_own_start(age: timedelta) -> None:
    record = begun(ARRIVED - age)
    assert record.opened_at == ARRIVED - age
    assert not record.timeline


@pytest.mark.parametrize(
    "starts_at",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        ARRIVED - timedelta(days=30, seconds=1),
        ARRIVED + timedelta(seconds=1),
        NOW + timedelta(hours=2),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_a_start_that_cannot_be_counts_as_the_arrival_and_is_told(starts_at: datetime) -> None:
    record = begun(starts_at)
    assert record.opened_at == ARRIVED
    assert [f"{starts_at:%Y-%m-%d %H:%M:%S}" in entry.text for entry in record.timeline] == [True]


@pytest.mark.parametrize("clock", [timedelta(minutes=-10), timedelta(minutes=10)])
def test_the_clock_of_the_webhooks_host_moves_no_clock_of_ours(clock: timedelta) -> None:
    record = begun(ARRIVED - timedelta(seconds=30), clock)
    assert record.opened_at == ARRIVED - timedelta(seconds=30)
    assert not record.timeline
    assert begun(datetime(1, 1, 1, tzinfo=UTC), clock).opened_at == ARRIVED
