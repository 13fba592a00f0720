"""`poolmedic watch`: which lines are new, and what is said of how it stands."""

import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import cast

from rich.console import Console

from tests.unit import incidents
from tests.unit.scenes import NOW
from worker.follower import News, after
from worker.follower_view import describe_end, describe_now, show_news
from workflows.budget import MOST, fit
from workflows.models.page import Escalation, Level
from workflows.models.report import Ending, Entry


def entries(count: int) -> tuple[Entry, ...]:
    return tuple(Entry(at=NOW + timedelta(seconds=number), text=f"step {number}") for number in range(count))


def test_each_line_is_new_once() -> None:
    lines = entries(5)
    assert after(lines[:3], None) == lines[:3]
    assert after(lines, lines[2]) == lines[3:]
    assert after(lines, lines[4]) == ()


def test_of_two_equal_lines_the_later_one_was_told() -> None:
    again = (*entries(2), entries(2)[0])
    assert after(again, again[2]) == ()


def test_a_timeline_that_lost_its_middle_goes_on_after_the_last_line() -> None:
    long = entries(MOST["timeline"] * 2)
    last = long[MOST["timeline"]]
    kept = fit(incidents.report(timeline=long)).timeline
    assert last not in kept
    new = after(kept, last)
    assert new
    assert all(entry.at >= last.at for entry in new)
    assert new[-1] == long[-1]


def test_how_it_stands_fits_into_a_line() -> None:
    waiting = incidents.report(outcome=Ending.OPEN, complete=False, pending=incidents.request())
    text = describe_now(waiting, NOW + timedelta(minutes=3))
    assert text.startswith("open, leak, 3 min after the alert, waits for an answer until ")
    assert len(text) < 80


async def test_a_page_that_reaches_nobody_is_told_once() -> None:
    since = datetime.now(UTC) - timedelta(minutes=2)
    page = Escalation(level=Level.L2, reason="shop: leak", at=since)
    stuck = incidents.report(outcome=Ending.OPEN, complete=False, under_way=(page,))

    async def news() -> AsyncIterator[News]:
        for _ in range(3):
            yield News(report=stuck)

    console = Console(width=200, file=io.StringIO())
    await show_news(news(), "shop", console)
    said = cast("io.StringIO", console.file).getvalue()
    assert said.count("L2 not reached yet: shop: leak, trying since ") == 1


def test_the_end_says_where_to_read_on_and_whether_somebody_else_ended_it() -> None:
    whole = News(report=incidents.report(), status="completed")
    assert whole.is_last
    assert describe_end(whole, "shop") == (
        "The incident is over: recovered. `poolmedic report shop` has its report."
    )
    ended = News(report=incidents.report(complete=False, outcome=Ending.OPEN), status="terminated")
    assert ended.is_last
    assert describe_end(ended, "shop").startswith("The run was terminated from outside: open.")
    assert not News(report=incidents.report(complete=False)).is_last
    assert not News(trouble="no worker").is_last
