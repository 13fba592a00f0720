"""What the Temporal UI shows of an open incident: whoever wrote a text in it, it stays text."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.unit import incidents, scenes
from tests.unit.markup import EVIL, NASTY, structure, words
from tests.unit.scenes import NOW
from workflows.markdown import escape
from workflows.models.plan import HandOver, Plan
from workflows.record import Record
from workflows.report import details


def written_by_strangers(text: str) -> str:
    """Details of an incident in which everything that others can write says `text`."""
    report = incidents.written_by_strangers(text)
    assert report.case is not None
    record = Record(report.case, NOW)
    record.hear(report.case.alert, NOW)
    record.learn(scenes.evidence(), report.diagnoses[0], Plan(step=HandOver(reason=text)), NOW)
    record.ask(incidents.request(text))
    record.decide(incidents.decision(text, text, accepted=False))
    record.acknowledge(text, NOW)
    record.note(NOW, f"not done: the alert is silenced: {text}")
    return details(record)


def test_no_forged_heading_link_image_or_line() -> None:
    evil = f"{EVIL}\n\n# Approved: nothing to do\n- 03:00:00 closed\n\n```"
    text = written_by_strangers(evil)
    assert structure(text) == structure(written_by_strangers("word"))
    assert text.count("\n") == written_by_strangers("word").count("\n")
    assert "http://evil.example www.evil.example @everyone" in words(text)


@given(NASTY | st.text(max_size=30))
def test_no_text_changes_the_structure(text: str) -> None:
    assert structure(written_by_strangers(f"{text}x")) == structure(written_by_strangers("word"))


@pytest.mark.parametrize("text", ["# closed", "1. closed", "2) closed", "> closed", "- closed", "+ closed"])
def test_what_begins_a_line_is_no_markup(text: str) -> None:
    assert MarkdownIt().render(escape(text)) == f"<p>{html.escape(text)}</p>\n"
