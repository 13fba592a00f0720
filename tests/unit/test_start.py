"""From when the clocks count."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import cases
from tests.unit.scenes import NOW
from workflows.escalation import Clock
from workflows.models.alert import AlertStatus
from workflows.models.approval import PIPELINE
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


def hears(
    record: Record, starts_at: datetime, status: AlertStatus = AlertStatus.FIRING, *, later: int
) -> bool:
    """Whether an alert that comes so many seconds after the run's begin moves its start."""
    at = NOW + timedelta(seconds=later)
    return record.began_before(cases.alert(record.case.target, starts_at, status, received_at=at), at)


@pytest.mark.parametrize(
    ("minutes", "status", "later", "moves"),
    [
        (11, AlertStatus.FIRING, 0, True),
        (11, AlertStatus.FIRING, 300, True),
        (11, AlertStatus.FIRING, 301, False),
        (11, AlertStatus.RESOLVED, 0, False),
        (9, AlertStatus.FIRING, 0, False),
        (10, AlertStatus.FIRING, 0, False),
        (60 * 24 * 31, AlertStatus.FIRING, 0, False),
    ],
)
def test_an_older_alert_soon_after_the_first_moves_the_start(
    minutes: int, status: AlertStatus, later: int, moves: bool
) -> None:
    record = begun(ARRIVED - timedelta(minutes=10))
    assert hears(record, ARRIVED - timedelta(minutes=minutes), status, later=later) is moves


def test_what_is_over_once_has_its_start() -> None:
    record = begun(ARRIVED - timedelta(minutes=10))
    record.settle(NOW)
    assert not hears(record, ARRIVED - timedelta(minutes=20), later=1)
    record.recur(NOW, "it fires again")
    assert not hears(record, ARRIVED - timedelta(minutes=20), later=2)


def test_every_clock_counts_from_the_earlier_start() -> None:
    record = begun(datetime(1, 1, 1, tzinfo=UTC))
    record.begin_earlier(since := ARRIVED - timedelta(minutes=4), NOW)
    assert record.opened_at == since
    clocks = record.case.policy.clocks
    assert record.due(Clock.ACKNOWLEDGE) == since + clocks.acknowledge
    assert record.due(Clock.RESOLVE) == since + clocks.resolve
    assert record.due(Clock.LEADERSHIP) == since + clocks.leadership
    assert f"{since:%H:%M:%S}" in record.timeline[-1].text


def test_a_clock_that_a_person_was_given_anew_stays() -> None:
    record = begun(ARRIVED)
    record.acknowledge(PIPELINE, NOW)
    record.lapse(given := NOW + timedelta(minutes=1))
    record.begin_earlier(ARRIVED - timedelta(minutes=4), given)
    assert record.due(Clock.ACKNOWLEDGE) == given + record.case.policy.clocks.acknowledge
