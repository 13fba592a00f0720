"""What the judge of chaos makes of the pages of the three clocks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bench.chaos.clocks import Course, Look, Told, judge_calls, judge_clocks, owed
from bench.chaos.strike import Outage, Part
from workflows.escalation import Clock, breach_reason
from workflows.models.page import Level

START = datetime(2026, 1, 1, tzinfo=UTC)
LENGTHS = {
    Clock.ACKNOWLEDGE: timedelta(seconds=12),
    Clock.RESOLVE: timedelta(seconds=30),
    Clock.LEADERSHIP: timedelta(seconds=36),
}
LEVELS = {Clock.ACKNOWLEDGE: Level.L2, Clock.RESOLVE: Level.L2, Clock.LEADERSHIP: Level.L3}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def call(clock: Clock, seconds: float) -> Told:
    return Told(
        at(seconds), LEVELS[clock], f"Why you are called: {breach_reason(clock, START, at(seconds))}."
    )


def first(seconds: float = 1, text: str = "Cause, most likely: leak.") -> Told:
    return Told(at(seconds), Level.L1, text)


IN_TIME = (
    first(),
    call(Clock.ACKNOWLEDGE, 12.3),
    call(Clock.RESOLVE, 30.4),
    call(Clock.LEADERSHIP, 36.2),
)


def looks(full: Sequence[tuple[float, float]] = ((0, 60),), until: float = 60) -> list[Look]:
    """Two looks a second: the pool is full in these times, and free in between."""
    moments = [each / 2 for each in range(int(until * 2))]
    states = [any(since <= each < end for since, end in full) for each in moments]
    return [
        Look(at(each), is_full=is_full, is_free=not is_full)
        for each, is_full in zip(moments, states, strict=True)
    ]


def course(
    told: Sequence[Told] = IN_TIME,
    *,
    full: Sequence[tuple[float, float]] = ((0, 60),),
    outages: Sequence[Outage] = (),
    is_observed: bool = True,
    approved_at: datetime | None = None,
    over: float = 60,
) -> Course:
    return Course(
        alerted_at=START,
        taken_at=at(0.5),
        over_at=at(over),
        looks=looks(full),
        told=told,
        outages=outages,
        is_observed=is_observed,
        approved_at=approved_at,
    )


def without(clock: Clock) -> tuple[Told, ...]:
    return tuple(each for each in IN_TIME if each != call(clock, (each.at - START).total_seconds()))


def late(seen: Course) -> list[str]:
    return list(judge_clocks(seen, LENGTHS))


def undue(seen: Course) -> list[str]:
    return list(judge_calls(seen, LENGTHS))


def test_pages_in_time_are_as_they_must() -> None:
    assert late(course()) == []
    assert undue(course()) == []


@pytest.mark.parametrize("clock", Clock)
def test_a_clock_that_runs_out_and_calls_nobody_is_told(clock: Clock) -> None:
    assert late(course(without(clock))) == [f"{clock} ran out, and nobody was called"]


@pytest.mark.parametrize("clock", Clock)
def test_a_clock_that_calls_late_is_told(clock: Clock) -> None:
    due = LENGTHS[clock].total_seconds()
    late_by = (*without(clock), call(clock, due + 3.6))
    assert late(course(late_by)) == [f"{clock}: called 3.6 s after it was due, or could be"]
    assert late(course((*without(clock), call(clock, due + 2.9)))) == []


@pytest.mark.parametrize("clock", Clock)
def test_a_pool_that_was_free_once_may_have_stopped_its_clock(clock: Clock) -> None:
    due = LENGTHS[clock].total_seconds()
    told = without(clock)
    assert late(course(told, full=((0, due - 2), (due - 1, 60))))[:1] != [
        f"{clock} ran out, and nobody was called"
    ]


def test_what_nobody_looked_at_any_more_is_not_asked_for() -> None:
    assert late(course(without(Clock.LEADERSHIP), over=37)) == []


@pytest.mark.parametrize("part", [Part.WORKER, Part.TEMPORAL])
@pytest.mark.parametrize("clock", Clock)
def test_what_was_stopped_excuses_a_page_until_it_is_back_and_no_longer(clock: Clock, part: Part) -> None:
    due = LENGTHS[clock].total_seconds()
    stopped = [Outage(part, at(due - 1), at(due + 6))]
    told = without(clock)
    others = {each for each in Clock if each is not clock and LENGTHS[each].total_seconds() > due}
    seen = course((*told, call(clock, due + 8.9)), outages=stopped)
    assert [each for each in late(seen) if str(clock) in each.split(":")[0]] == []
    seen = course((*told, call(clock, due + 9.4)), outages=stopped)
    assert any(each.startswith(f"{clock}: called 3.4 s") for each in late(seen)), others


def test_what_was_back_before_it_was_due_excuses_nothing() -> None:
    stopped = [Outage(Part.WORKER, at(5), at(11.5))]
    assert owed(course(outages=stopped), at(12)) == at(12)
    assert late(course((*without(Clock.ACKNOWLEDGE), call(Clock.ACKNOWLEDGE, 15.5)), outages=stopped))


def test_what_was_stopped_after_the_page_was_late_excuses_nothing() -> None:
    stopped = [Outage(Part.WORKER, at(15.5), at(20))]
    assert owed(course(outages=stopped), at(12)) == at(12)


def test_one_after_the_other_excuse_together() -> None:
    stopped = [Outage(Part.TEMPORAL, at(14), at(17)), Outage(Part.WORKER, at(11), at(13))]
    assert owed(course(outages=stopped), at(12)) == at(17)


def test_a_receiver_that_is_back_is_tried_again_after_a_pause() -> None:
    stopped = [Outage(Part.RECEIVER, at(10), at(16))]
    assert owed(course(outages=stopped), at(12)) == at(21)


def test_an_alert_that_was_taken_late_is_owed_from_then() -> None:
    taken_late = replace(course(), taken_at=at(20))
    assert owed(taken_late, at(12)) == at(20)


@pytest.mark.parametrize("clock", Clock)
def test_a_page_before_its_time_is_told(clock: Clock) -> None:
    due = LENGTHS[clock].total_seconds()
    told = (*IN_TIME, call(clock, due - 2))
    assert undue(course(told)) == [f"{clock}: called 2.0 s before it could be due"]


@pytest.mark.parametrize("clock", [Clock.RESOLVE, Clock.LEADERSHIP])
def test_a_page_though_the_pool_was_free_for_long_is_told(clock: Clock) -> None:
    seen = course((first(), call(clock, LENGTHS[clock].total_seconds() + 0.2)), full=((0, 10),))
    assert undue(seen) == [f"{clock}: called although the pool had been free for 12 s"]
    broken = replace(seen, broken=(at(8), at(14)))
    assert undue(broken) == []


def test_leadership_is_called_by_its_clock_alone() -> None:
    told = (*IN_TIME, Told(at(40), Level.L3, "Why you are called: several targets on database main."))
    assert undue(course(told)) == ["leadership was called, and not by its clock"]


def test_who_has_answered_is_not_called_for_silence() -> None:
    told = (first(text="Asked: a larger pool"), *IN_TIME[1:])
    seen = course(told, is_observed=False, approved_at=at(2))
    assert undue(seen) == ["acknowledge: called although somebody had answered before it was due"]
    freed = course(told, is_observed=False, approved_at=at(2), full=((0, 4), (6, 60)))
    assert undue(freed) == []


def test_where_nobody_was_told_somebody_else_has_to_be_called() -> None:
    told = (first(25), call(Clock.RESOLVE, 30.4), call(Clock.LEADERSHIP, 36.2))
    assert late(course(told, is_observed=False)) == ["acknowledge ran out, and nobody was called"]
    in_hand = (first(2), *told[1:])
    assert late(course(in_hand, is_observed=False)) == []


def test_a_request_that_nobody_answers_lets_the_acknowledgement_lapse() -> None:
    told = (first(5, "Asked: a larger pool"), call(Clock.RESOLVE, 30.4), call(Clock.LEADERSHIP, 36.2))
    silent = course(told, is_observed=False)
    assert late(silent) == ["acknowledge ran out, and nobody was called"]
    assert late(course((*told, call(Clock.ACKNOWLEDGE, 17.4)), is_observed=False)) == []
    assert late(course(told, is_observed=False, approved_at=at(6))) == []
