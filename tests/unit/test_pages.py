"""What people are sent: of bounded length, with what happened first and what to do last."""

from tests.unit.incidents import report
from workflows.escalation import page
from workflows.models.page import Level, Page


def paged(title: str, lines: list[str]) -> Page:
    case = report().case
    assert case is not None
    return page(case, Level.L2, "key", title, lines)


def test_an_ordinary_page_is_sent_as_it_is() -> None:
    assert paged("leak", ["one", "", "two"]).body == "one\n\ntwo"


def test_a_flood_of_lines_is_cut_in_its_middle_and_says_so() -> None:
    body = paged("leak", ["Why", *["x" * 5000] * 1000, "Please take over"]).body.split("\n")
    assert (body[0], body[-1]) == ("Why", "Please take over")
    assert body[20] == "(962 lines left out: open the incident)"
    assert len(body) == 41
    assert all(len(line) <= 600 for line in body)


def test_what_strangers_write_adds_no_line() -> None:
    sent = paged("silenced: \n\x1b[2J" + "x" * 5000, ["not done: a\n# Resolved\r\u2028b"])
    assert sent.body == "not done: a # Resolved b"
    assert sent.title.isprintable()
    assert len(sent.title) <= 1000
