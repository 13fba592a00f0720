"""How long an incident waits for its next look, and when people are needed instead."""

from datetime import timedelta

import pytest
from temporalio import workflow

from workflows.models.plan import HandOver, LookAgain, Step
from workflows.models.policy import Pace
from workflows.patience import Patience, rest_after

SUSPICION = LookAgain(after=timedelta(seconds=2), why="not old enough", is_suspicion=True)
WAIT = LookAgain(after=timedelta(minutes=2), why="statements that began before the index was there")
OTHER = HandOver(reason="people decide")


@pytest.fixture(params=[True, False], ids=["now", "before"])
def is_new(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Runs of earlier versions decide as those did."""
    is_new: bool = request.param
    monkeypatch.setattr(workflow, "patched", lambda _name: is_new)
    return is_new


def worn(*steps: Step) -> bool:
    patience = Patience(Pace())
    for step in steps:
        patience.follow(step)
    return patience.is_worn


@pytest.mark.usefixtures("is_new")
def test_five_suspicions_in_a_row_are_for_people() -> None:
    assert not worn(*[SUSPICION] * 4)
    assert worn(*[SUSPICION] * 5)


def test_what_came_between_dismissed_it(is_new: bool) -> None:
    assert worn(*[SUSPICION] * 4, OTHER, SUSPICION) is not is_new


def test_to_wait_for_what_an_act_has_begun_is_no_suspicion_and_dismisses_none(is_new: bool) -> None:
    assert worn(*[WAIT] * 9) is not is_new
    assert worn(*[SUSPICION] * 4, WAIT, SUSPICION)


def test_the_more_fruitless_looks_the_longer_up_to_a_quarter_of_an_hour() -> None:
    patience = Patience(Pace(relook=timedelta(minutes=2)))
    waits = [patience.of_stand_by() for _ in range(12)]
    assert waits[:4] == [timedelta(minutes=2 * 2**number) for number in range(4)]
    assert set(waits[4:]) == {timedelta(minutes=16)}
    assert Patience(Pace(relook=timedelta(hours=1))).of_stand_by() == timedelta(hours=1)


def test_a_run_of_many_days_looks_less_often_and_lasts_for_weeks() -> None:
    """A request that nobody answers costs some eighty events in ten minutes, its alert four in five."""
    events, days = 0.0, 0.0
    while events < 51_200:
        minutes = 10 + rest_after(int(events)).total_seconds() / 60
        events += 80 + 4 * minutes / 5
        days += minutes / 24 / 60
    assert days > 14
    assert rest_after(10_000) == rest_after(12_499) == timedelta()
    assert rest_after(12_500) == timedelta(minutes=2)
    assert rest_after(10**9) == rest_after(27_500) == timedelta(minutes=254)
