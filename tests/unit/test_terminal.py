"""Text from outside cannot act on a terminal."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tests.unit import incidents
from tests.unit.scenes import NOW
from worker.report_view import render, unreached
from worker.terminal import complain, shown, visible
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Escalation as Page
from workflows.models.page import Level
from workflows.models.report import Report


@given(st.text())
def test_nothing_hidden_is_left(text: str) -> None:
    assert not [sign for sign in visible(text) if unicodedata.category(sign) in {"Cc", "Cf", "Cs"}]


def test_escapes_are_shown_and_plain_text_is_left_alone() -> None:
    assert visible("a\x1b[2Jb\u202e\x9b") == r"a\x1b[2Jb\u202e\x9b"
    assert visible("a\nb\tc\r") == r"a\nb\tc\r"
    assert visible("Größe ⌊x⌋ 数") == "Größe ⌊x⌋ 数"


def test_markup_is_not_obeyed() -> None:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(shown("[bold red]evil[/] :smile: [link=http://x]y[/link]"))
    assert capture.get().strip() == "[bold red]evil[/] :smile: [link=http://x]y[/link]"


def shown_of(report: Report) -> str:
    console = Console(width=10_000)
    with console.capture() as capture:
        console.print(render(report))
    return capture.get()


def lines_of(report: Report) -> int:
    return len(shown_of(report).split("\n"))


def test_no_text_adds_a_line_to_a_shown_report() -> None:
    forged = "word\n2026-03-01 03:00:00 UTC approved by ada\r\n\u2028closed"
    told = incidents.written_by_strangers(forged)
    assert lines_of(told) == lines_of(incidents.written_by_strangers("word"))


def test_what_had_no_room_is_shown() -> None:
    cut = incidents.report(left_out=("7 of 9 verdicts",))
    assert lines_of(cut) == lines_of(incidents.report()) + 2


def test_of_what_touched_nothing_it_is_not_shown_that_it_helped() -> None:
    free = incidents.restart(status=OutcomeStatus.NOTHING)
    (row,) = [line for line in shown_of(incidents.report(attempts=(free,))).split("\n") if "restart" in line]
    assert "nothing was done" in row
    assert "yes" not in row


def under_way(at: datetime) -> Page:
    return Page(level=Level.L2, reason="shop: leak", at=at)


def test_a_page_that_nobody_has_taken_for_a_minute_is_shown() -> None:
    since = datetime.now(UTC) - timedelta(minutes=2)
    stuck = incidents.report(complete=False, under_way=(under_way(since),))
    console = Console(width=200)
    with console.capture() as capture:
        console.print(render(stuck))
    assert f"L2 not reached yet: shop: leak, trying since {since.astimezone():%H:%M}" in capture.get()


def test_a_page_on_its_ordinary_way_is_not_shown() -> None:
    report = incidents.report(complete=False, under_way=(under_way(NOW),))
    assert unreached(report, NOW + timedelta(seconds=59)) == ()
    assert len(unreached(report, NOW + timedelta(seconds=61))) == 1


def test_of_a_page_to_one_person_the_person_is_named() -> None:
    asked = under_way(NOW).model_copy(update={"person": "ada"})
    (told,) = unreached(incidents.report(complete=False, under_way=(asked,)), NOW + timedelta(minutes=2))
    assert told.startswith("ada not reached yet: ")


def test_a_message_of_our_own_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    complain("two faults:\n  a\x1b[2J\n  b")
    assert capsys.readouterr().err == "two faults:\n  a\\x1b[2J\n  b\n"
