"""The three clocks of the runbook, judged by the receiver and by the pool as its users have it. Pure.

What poolmedic says of itself is not asked: a clock runs while the pool is full by its own page, and a page
that was due is out in time, or it is late, whatever a report says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.chaos.strike import Outage, Part
from workflows.escalation import CALLS, Clock
from workflows.models.page import Level

IN_TIME = timedelta(seconds=3)
EARLY = timedelta(seconds=0.5)
"""The clocks of two programs on one machine agree as well as that."""
SURE = timedelta(seconds=12)
"""A pool that was free for so long is known to be: its alert is over, and somebody has looked."""
WORDS = {
    Clock.ACKNOWLEDGE: "nobody has acknowledged the incident after",
    Clock.RESOLVE: "the incident is not resolved after",
    Clock.LEADERSHIP: "the incident is still not resolved after",
}
ASKED = "Asked: "


@dataclass(frozen=True)
class Look:
    """One look from outside. Between `is_full` and `is_free` nobody can say what another one sees."""

    at: datetime
    is_full: bool
    is_free: bool


@dataclass(frozen=True)
class Told:
    """One message at the receiver."""

    at: datetime
    level: Level
    text: str


@dataclass(frozen=True)
class Course:
    """What was seen of one incident."""

    alerted_at: datetime
    """When the alert began, by Alertmanager."""
    taken_at: datetime
    """When Temporal had it."""
    over_at: datetime
    """When nobody looked any more."""
    looks: Sequence[Look]
    told: Sequence[Told]
    outages: Sequence[Outage] = ()
    broken: tuple[datetime, datetime] | None = None
    """While the fault of the trial lasted, whatever it broke."""
    is_observed: bool = False
    """Whether only a person may acknowledge."""
    approved_at: datetime | None = None
    """When a person first answered; that acknowledges, too."""


def judge_clocks(course: Course, lengths: Mapping[Clock, timedelta]) -> Iterator[str]:
    """Every page that was due and late or missing, by its own clock."""
    for clock, length in lengths.items():
        due = _due(course, clock, length)
        if due is None:
            continue
        latest = owed(course, due)
        if latest + IN_TIME > course.over_at or not _was_full(course, latest):
            continue
        calls = [each.at for each in _calls(course, clock) if each.at >= due - EARLY]
        if not calls:
            yield f"{clock} ran out, and nobody was called"
        elif (late := min(calls) - latest) > IN_TIME:
            yield f"{clock}: called {late.total_seconds():.1f} s after it was due, or could be"


def judge_calls(course: Course, lengths: Mapping[Clock, timedelta]) -> Iterator[str]:
    """Every page of a clock that had not run out, or stood still."""
    for clock, length in lengths.items():
        due = course.alerted_at + length
        for call in _calls(course, clock):
            if call.at < due - EARLY:
                yield f"{clock}: called {(due - call.at).total_seconds():.1f} s before it could be due"
            elif _was_free(course, due):
                yield f"{clock}: called although the pool had been free for {SURE.total_seconds():.0f} s"
            elif clock is Clock.ACKNOWLEDGE and _was_in_hand(course, due, call):
                yield f"{clock}: called although somebody had answered before it was due"
    for each in course.told:
        if each.level is CALLS[Clock.LEADERSHIP] and WORDS[Clock.LEADERSHIP] not in each.text:
            yield "leadership was called, and not by its clock"


def owed(course: Course, due: datetime) -> datetime:
    """From when the page can be asked for: what it needs may have been stopped when it was due.

    Only for as long as it was stopped. A page that the receiver did not take is tried again after pauses,
    each of which is no longer than the tries before it lasted, and a second.
    """
    latest = max(due, course.taken_at)
    for outage in sorted(course.outages, key=lambda each: each.since):
        if outage.since > latest + IN_TIME or outage.until <= latest:
            continue
        pause = timedelta()
        if outage.part is Part.RECEIVER:
            pause = outage.until - max(outage.since, latest) + timedelta(seconds=1)
        latest = outage.until + pause
    return latest


def _due(course: Course, clock: Clock, length: timedelta) -> datetime | None:
    """When it runs out for sure, by what others saw; None where that cannot be told."""
    due = course.alerted_at + length
    if clock is not Clock.ACKNOWLEDGE or course.is_observed:
        return due
    first = min((each.at for each in course.told if each.level is Level.L1), default=None)
    asked = min((each.at for each in course.told if ASKED in each.text), default=None)
    if asked is not None and asked == first:
        return _unanswered(course, asked + length)
    # Where nobody was told, nobody has it in hand; where somebody was, poolmedic has, and that ends unseen.
    return due if first is None or first > owed(course, due) + IN_TIME else None


def _unanswered(course: Course, due: datetime) -> datetime | None:
    """A request lets the acknowledgement lapse; its clock began no later than the page was here."""
    latest = owed(course, due) + IN_TIME
    return due if course.approved_at is None or course.approved_at > latest else None


def _calls(course: Course, clock: Clock) -> list[Told]:
    level, words = CALLS[clock], WORDS[clock]
    return [each for each in course.told if each.level is level and words in each.text]


def _was_full(course: Course, until: datetime) -> bool:
    """At every look from the alert on, until a page could not be called late any more."""
    looks = [each for each in course.looks if course.alerted_at <= each.at <= until + IN_TIME]
    return bool(looks) and all(each.is_full for each in looks)


def _was_free(course: Course, due: datetime) -> bool:
    """For long before it was due, while nothing was broken that hides it."""
    since = due - SURE
    if course.broken is not None and course.broken[0] <= due and course.broken[1] >= since - SURE:
        return False
    looks = [each for each in course.looks if since <= each.at <= due]
    is_covered = any(each.at <= since for each in course.looks) and bool(looks)
    return is_covered and all(each.is_free for each in looks) and course.taken_at <= since


def _was_in_hand(course: Course, due: datetime, call: Told) -> bool:
    """A person's word holds for the episode: as long as the pool was never free, there is one."""
    given = course.approved_at
    is_one = not any(not each.is_full for each in course.looks if course.alerted_at <= each.at <= call.at)
    return given is not None and given < due and is_one
