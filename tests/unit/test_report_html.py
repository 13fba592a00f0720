"""The report as a page: the Markdown's content, nothing from elsewhere, and nobody else's markup."""

from datetime import timedelta
from html.parser import HTMLParser
from typing import override

from hypothesis import given, settings

from activities import report_text
from activities.curves import Curves
from activities.marks import MOST_MARKS, frame
from activities.report_html import Figure, render
from activities.series import Sample
from tests.unit import incidents
from tests.unit.markup import EVIL, NASTY, words
from tests.unit.scenes import NOW
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Escalation, Level
from workflows.models.report import Report

CURVES = Curves({"web-1": [Sample(NOW.timestamp() + second, 1.0) for second in range(0, 60, 10)]}, {})


class Page(HTMLParser):
    """A page as a browser's parser takes it: its elements with their attributes, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @override
    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def structure(self) -> list[str]:
        """Elements and the names of their attributes; links with their addresses."""
        return [f"{tag} {sorted(attrs)} {attrs.get('href', '')}" for tag, attrs in self.elements]


def page(report: Report, curves: Curves | None = CURVES, why_not: str = "") -> Page:
    return Page(render(report, Figure(frame(report), curves, why_not)))


def written(text: str) -> Page:
    """Everything that a stranger may write says `text`, the instances of the plot too."""
    lines = {text: CURVES.lines["web-1"]}
    return page(incidents.written_by_strangers(text), Curves(lines, {f"other {text}": text}))


def test_it_has_every_word_of_the_markdown() -> None:
    report = incidents.report(requests=(incidents.request(),), decisions=(incidents.decision(),))
    said = " ".join("".join(page(report).words).split())
    for line in words(report_text.render(report)).splitlines():
        assert " ".join(line.split()) in said


def test_nothing_is_loaded_from_anywhere() -> None:
    report = incidents.report()
    text = render(report, Figure(frame(report), CURVES))
    elements = Page(text).elements
    assert not {tag for tag, _ in elements} & {"script", "link", "img", "iframe", "object", "form", "base"}
    assert not [attrs for _, attrs in elements if {"src", "srcset", "background"} & attrs.keys()]
    assert "url(" not in text
    assert "@import" not in text
    assert {attrs["href"] for tag, attrs in elements if tag == "a"} == set(report.links.values())
    policy = next(attrs["content"] for _, attrs in elements if "http-equiv" in attrs)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_what_strangers_write_stays_text() -> None:
    hostile = written(EVIL)
    assert hostile.structure == written(incidents.HARMLESS).structure
    said = "".join(hostile.words)
    assert "<img src=x onerror=alert(1)>" in said
    assert "49" not in said
    assert not [sign for sign in said if not sign.isprintable() and sign != "\n"]


@settings(max_examples=25)
@given(NASTY)
def test_no_text_changes_the_structure(nasty: str) -> None:
    assert written(f"{nasty}x").structure == written(incidents.HARMLESS).structure


def test_the_plot_is_explained() -> None:
    said = "".join(page(incidents.report(), Curves(CURVES.lines, {"web-2": "was not scraped"})).words)
    for words_ in ("web-1", "exhausted above 95.0 %", "recovered below 70.0 %", "No line of web-2: was not"):
        assert words_ in said
    assert "03:00:01 terminate: done; it helped" in said
    assert "03:05:03 recovered, verified over the clear window" in said


def test_everything_that_turned_it_is_marked_in_its_order_and_not_too_much() -> None:
    called = Escalation(
        level=Level.L2, reason="no option is left", at=NOW + timedelta(minutes=2), failure="x"
    )
    told = incidents.report().escalations[0]
    report = incidents.report(requests=(incidents.request(),), escalations=(told, called))
    assert [mark.text for mark in frame(report).marks] == [
        "the alert began",
        "resize: approval asked",
        "terminate: done; it helped",
        "the pool was free",
        "L2 called: no option is left",
        "recovered, verified over the clear window",
    ]
    many = frame(incidents.report(escalations=(called,) * 100)).marks
    assert len(many) == MOST_MARKS
    assert (many[0].text, many[-1].text) == ("the alert began", "recovered, verified over the clear window")


def test_no_mark_says_that_an_act_helped_which_touched_nothing() -> None:
    free = incidents.restart(status=OutcomeStatus.NOTHING)
    marks = [mark.text for mark in frame(incidents.report(attempts=(free,))).marks]
    assert "restart: nothing was done" in marks


def test_without_a_plot_it_says_why() -> None:
    bare = page(incidents.report(), None, "Prometheus did not answer within 3 s")
    assert "There is no plot of the pools: Prometheus did not answer within 3 s." in "".join(bare.words)
    assert "svg" not in {tag for tag, _ in bare.elements}


def test_a_report_without_anything_is_still_a_page() -> None:
    empty = incidents.report(case=None, evidence=None, diagnoses=(), attempts=(), verdicts=(), timeline=())
    assert "No diagnosis was made." in "".join(page(empty, None, "nobody was asked").words)


def test_an_incident_that_is_open_is_shown_to_its_last_moment() -> None:
    still_open = incidents.report(closed_at=None, complete=False)
    assert frame(still_open).until == still_open.written_at
    assert frame(incidents.report()).until - NOW == timedelta(minutes=40)
