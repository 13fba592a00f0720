"""Which trials of chaos are drawn."""

from collections import Counter

from bench.chaos.draw import draw
from bench.chaos.faults import BY_NAME, KILLS, OTHERS
from bench.chaos.moments import MOMENTS
from bench.chaos.plays import PLAYS

STEPS = [(play.name, moment.name) for play in PLAYS for moment in MOMENTS if moment.is_at(play)]


def test_the_same_seed_draws_the_same_and_another_one_others() -> None:
    assert draw(50, seed=1) == draw(50, seed=1)
    assert [str(each) for each in draw(50, seed=1)] != [str(each) for each in draw(50, seed=2)]


def test_of_three_hundred_every_kill_comes_at_every_step() -> None:
    drawn = draw(300, seed=1)
    assert len(drawn) == 300
    kills = {fault.name for fault in KILLS}
    struck = {
        (each.play.name, each.moment.name, each.fault.name) for each in drawn if each.fault.name in kills
    }
    assert struck == {(*step, name) for step in STEPS for name in kills}


def test_of_three_hundred_every_other_fault_comes_at_least_once() -> None:
    assert {fault.name for fault in OTHERS} <= {each.fault.name for each in draw(300, seed=1)}


def test_the_others_are_drawn_without_repetition_as_long_as_there_are_any() -> None:
    others = {fault.name for fault in OTHERS}
    drawn = [str(each) for each in draw(400, seed=3) if each.fault.name in others]
    assert len(drawn) == len(set(drawn)) == 120


def test_nothing_strikes_at_a_step_that_its_incident_has_not() -> None:
    drawn = {(each.play.name, each.moment.name) for each in draw(2000, seed=1)}
    assert drawn == set(STEPS)
    clocks = {each.moment.name for each in draw(2000, seed=1) if "clock" in each.fault.name}
    assert clocks == {"pool exhausted, no alert yet"}
    assert ("observe", "about to act") not in drawn
    assert ("leak", "waiting for approval") not in drawn
    assert ("hold", "clear window") not in drawn
    assert ("ddl", "waiting for approval") in drawn


def test_every_fault_and_step_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(KILLS) + len(OTHERS)
    assert Counter(moment.name for moment in MOMENTS).most_common(1)[0][1] == 1
