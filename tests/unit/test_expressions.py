"""Expressions of silences: the usual ones are judged as RE2 does, the others not at all, and soon."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.expressions import NotKnown, Steps, fits

TEXTS = st.text("ab-1\n.", max_size=8)
SINGLE = st.sampled_from(["a", "b", "-", "1", ".", r"\.", r"\d", r"\w", "[ab]", "[^a]", "[a-b1-]", r"\-"])
REPEATED = st.tuples(SINGLE, st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,}", "{0,3}"])).map(
    "".join
)


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    groups = st.tuples(
        st.sampled_from(["(", "(?:"]), inner, st.sampled_from([")", ")?", ")*", ")+", "){2}"])
    ).map("".join)
    sequences = st.lists(st.one_of(REPEATED, groups), max_size=3).map("".join)
    return st.lists(sequences, min_size=1, max_size=3).map("|".join)


EXPRESSIONS = st.recursive(REPEATED, joined, max_leaves=6)


@given(EXPRESSIONS, TEXTS)
def test_it_takes_the_same_whole_texts_as_any_other(expression: str, text: str) -> None:
    expected = re.fullmatch(expression, text, re.ASCII)
    assert fits(expression, text, Steps()) is (expected is not None)


@pytest.mark.parametrize(
    ("expression", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("^web-1$", "web-1", True),
        ("a$", "a\n", False),
        ("a.b", "a\nb", False),
        ("web|api", "api", True),
        ("web|api", "webapi", False),
        ("web-1", "my-web-1", False),
        (r"\d", "٣", False),
        (r"\w+", "ü", False),
        ("ü+", "üü", True),
        ("[à-ü]", "é", True),
        ("]}", "]}", True),
        (".+", "", False),
    ],
)
def test_the_whole_text_by_the_rules_of_re2(expression: str, text: str, expected: bool) -> None:
    assert fits(expression, text, Steps()) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "(?i)web", "(?P<name>a)", "(?=a)", "(?s:a)", "[[:alpha:]]", r"[\d]", r"\pL", r"\p{Greek}", r"\Qa.b\E",
        r"\bweb", r"\s", r"\x41", r"\1", "a{,2}", "{a", "a**", "*a", "a|+", "(a", "a)", "[a", "[]", "[b-a]",
        "\\", "(" * 21 + ")" * 21, "a" * 501,
    ],
)  # fmt: skip
def test_any_other_is_not_known(expression: str) -> None:
    with pytest.raises(NotKnown):
        fits(expression, "web", Steps())


def test_of_a_very_long_text_nothing_is_known() -> None:
    assert fits("a*", "a" * 1024, Steps())
    with pytest.raises(NotKnown):
        fits("a*", "a" * 1025, Steps())


@pytest.mark.parametrize(
    "expression",
    ["(a+)+b", "(a|a)*b", "(a?){30}a{30}b", ".*.*.*.*.*.*b", "((a*)*)*b", "(((){999}){999}){999}"],
)
def test_none_takes_long(expression: str) -> None:
    """Each of these may keep Python's own busy until the end of days."""
    began = time.process_time()
    steps = Steps()
    for _ in range(20):
        try:
            assert not fits(expression, "a" * 1000, steps)
        except NotKnown:
            continue
    assert time.process_time() - began < 2
