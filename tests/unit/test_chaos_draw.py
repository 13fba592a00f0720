"""Which trials of chaos are drawn."""

from collections import Counter
from datetime import timedelta
from functools import cache

import pytest

from bench.chaos.draw import Draw, draw
from bench.chaos.faults import BY_NAME, KILLS, OTHERS
from bench.chaos.moments import MOMENTS
from bench.chaos.plays import PLAYS
from workflows.models.page import Level

STEPS = [(play.name, moment.name) for play in PLAYS for moment in MOMENTS if moment.is_at(play)]
KILLED = {fault.name for fault in KILLS}
NAMED = {
    "alert accepted",
    "investigating",
    "about to act",
    "act done but not recorded",
    "waiting for approval",
    "clear window",
    "temporary change waiting",
    "report being written",
}
SEEDS = [1, 2, 3, 7, 20, 1234]


@cache
def many() -> list[Draw]:
    return draw(12_000, seed=1)


def drawn_of(fault: str) -> set[tuple[str, str]]:
    """Kinds of incident and steps at which it is drawn, in more trials than there are combinations."""
    found = {(each.play.name, each.moment.name) for each in draw(12_000, seed=1) if each.fault.name == fault}
    assert found
    return found


def moments_of(drawn: list[Draw]) -> set[tuple[str, str]]:
    return {(each.fault.name, each.moment.name) for each in drawn if each.fault.name in KILLED}


def test_the_same_seed_draws_the_same_and_another_one_others() -> None:
    assert draw(50, seed=1) == draw(50, seed=1)
    assert [str(each) for each in draw(50, seed=1)] != [str(each) for each in draw(50, seed=2)]


@pytest.mark.parametrize("seed", SEEDS)
def test_of_three_hundred_every_kill_comes_at_every_step(seed: int) -> None:
    drawn = draw(300, seed)
    assert len(drawn) == 300
    struck = {
        (each.play.name, each.moment.name, each.fault.name) for each in drawn if each.fault.name in KILLED
    }
    assert struck == {(*step, name) for step in STEPS for name in KILLED}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("runs", [75, 300])
def test_every_kill_comes_at_every_moment_before_any_comes_twice(runs: int, seed: int) -> None:
    every = {(name, moment.name) for name in KILLED for moment in MOMENTS}
    assert moments_of(draw(runs, seed)) == every
    assert {moment for _, moment in every} > NAMED


@pytest.mark.parametrize("seed", SEEDS)
def test_of_three_hundred_every_other_fault_comes_at_least_once(seed: int) -> None:
    assert {fault.name for fault in OTHERS} <= {each.fault.name for each in draw(300, seed)}


def test_the_others_are_drawn_without_repetition_as_long_as_there_are_any() -> None:
    drawn = [str(each) for each in draw(400, seed=3) if each.fault.name not in KILLED]
    assert len(drawn) == len(set(drawn)) == 112


def test_nothing_strikes_at_a_step_that_its_incident_has_not() -> None:
    drawn = {(each.play.name, each.moment.name) for each in draw(2000, seed=1)}
    assert drawn == set(STEPS)
    clocks = {each.moment.name for each in draw(2000, seed=1) if "clock" in each.fault.name}
    assert clocks == {"pool exhausted, no alert yet"}
    assert ("observe", "about to act") not in drawn
    assert ("leak", "waiting for approval") not in drawn
    assert ("hold", "clear window") not in drawn
    assert ("ddl", "waiting for approval") in drawn
    assert ("leak", "leadership clock runs out") not in drawn
    assert ("observe", "leadership clock runs out") in drawn


def test_a_statement_is_cut_off_only_where_sessions_are_ended_later() -> None:
    drawn = drawn_of("statement cut off")
    assert {play for play, _ in drawn} == {"leak", "lock"}
    before = {"pool exhausted, no alert yet", "alert accepted", "investigating", "about to act"}
    assert {moment for play, moment in drawn if play == "leak"} == before
    asked = {"about to page", "waiting for approval"}
    assert {moment for play, moment in drawn if play == "lock"} == before | asked


def test_the_disk_is_full_only_where_a_report_is_written_next() -> None:
    assert {moment for _, moment in drawn_of("disk full")} == {"clear window", "report being written"}


def test_an_operator_is_at_work_only_in_an_incident() -> None:
    restarted = {moment for _, moment in drawn_of("an operator restarts the container")}
    assert restarted.isdisjoint({"pool exhausted, no alert yet", "by chance"})
    assert {"about to act", "act under way"} < restarted


def test_an_operator_ends_sessions_only_where_some_are_to_be_ended() -> None:
    drawn = drawn_of("an operator ends the sessions")
    assert {play for play, _ in drawn} == {"leak", "idle-leak", "observe", "lock", "ddl"}
    never = {"pool exhausted, no alert yet", "clear window", "act done but not recorded", "by chance"}
    assert {moment for _, moment in drawn}.isdisjoint({*never, "report being written"})
    assert ("leak", "about to act") in drawn


def test_a_session_works_again_only_where_it_is_listed() -> None:
    assert drawn_of("a listed session works again") == {("leak", "about to act")}


def test_a_source_is_spoilt_only_where_it_is_asked_later() -> None:
    silences = drawn_of("Alertmanager: gone")
    assert {play for play, _ in silences}.isdisjoint({"observe", "hold"})
    assert {moment for _, moment in silences}.isdisjoint({"act under way", "clear window"})
    engine = drawn_of("the engine: hanging")
    assert ("undersized", "about to act") in engine
    assert ("leak", "about to act") not in engine
    database = drawn_of("the database: gone")
    assert ("leak", "about to act") in database
    assert ("undersized", "about to act") not in database
    assert "by chance" not in {moment for _, moment in drawn_of("Prometheus: hanging")}


def test_every_clock_is_short_and_runs_out_where_nobody_comes_before() -> None:
    for play in PLAYS:
        acknowledge, resolve, leadership = play.clocks.values()
        assert acknowledge < resolve < leadership < timedelta(seconds=90)
    assert {play.name for play in PLAYS if play.hands is Level.L3} == {"observe"}


def test_every_fault_and_step_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(KILLS) + len(OTHERS)
    assert Counter(moment.name for moment in MOMENTS).most_common(1)[0][1] == 1
