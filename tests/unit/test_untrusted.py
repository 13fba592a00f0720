"""Text from outside, made fit to be shown."""

from hypothesis import given
from hypothesis import strategies as st

from activities.untrusted import clean


def test_plain_text_stays() -> None:
    assert clean("Deploying v2, back at 5 — Ada Ž") == "Deploying v2, back at 5 — Ada Ž"


def test_control_and_direction_characters_go() -> None:
    assert clean("a\x00b\x1b[31mc\r\nd\u202ee\u200bf") == "a b [31mc d e f"


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("a" * 50, 10) == "a" * 9 + "…"
    assert clean("a" * 10, 10) == "a" * 10
    assert clean(" " * 100 + "a", 10) == "…"


@given(st.text(), st.integers(1, 60))
def test_the_result_is_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert clean(line, limit) == line
