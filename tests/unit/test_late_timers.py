"""A timer that was set in a long step is late by as much: it is set anew, once."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow

from workflows import clocks

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
DUE = BEGAN + timedelta(minutes=5)


class Times:
    """The time of the workflow's step, and whether the run is of a version that sets timers anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = BEGAN
        self.is_new = True
        monkeypatch.setattr(workflow, "now", lambda: self.now)
        monkeypatch.setattr(workflow, "patched", lambda _name: self.is_new)

    def after(self, seconds: float) -> None:
        self.now = BEGAN + timedelta(seconds=seconds)


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Times:
    return Times(monkeypatch)


def test_it_is_set_anew_where_the_next_step_comes_late(times: Times) -> None:
    drifted = clocks._drifts(DUE, set())
    assert not drifted()
    times.after(6)
    assert drifted()


def test_once_for_each_that_is_due(times: Times) -> None:
    timed = set[datetime]()
    drifted = clocks._drifts(DUE, timed)
    times.after(6)
    assert drifted()
    again = clocks._drifts(DUE, timed)
    times.after(60)
    assert not again()
    assert not drifted()


def test_a_step_that_follows_soon_tells_that_it_is_in_time(times: Times) -> None:
    drifted = clocks._drifts(DUE, set())
    times.after(0.5)
    assert not drifted()
    times.after(60)
    assert not drifted()


def test_what_is_due_is_left_to_its_timer(times: Times) -> None:
    drifted = clocks._drifts(DUE, set())
    times.now = DUE
    assert not drifted()


def test_a_run_of_an_earlier_version_keeps_its_timers(times: Times) -> None:
    times.is_new = False
    drifted = clocks._drifts(DUE, set())
    times.after(6)
    assert not drifted()
