"""Expressions of silences are read as Alertmanager reads them, and soon."""

import time

import pytest

from activities.expressions import NotKnown, fits


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
        ("(?i)WEB-.*", "web-1", True),
        ("[[:alpha:]]+", "web", True),
        (r"\pL+", "ünï", True),
        (r"\d", "٣", False),
        (r"\w+", "ü", False),
        ("ü+", "üü", True),
        ("[à-ü]", "é", True),
        ("]}", "]}", True),
        (".+", "", False),
    ],
)
def test_the_whole_text_by_the_rules_of_re2(expression: str, text: str, expected: bool) -> None:
    assert fits(expression, text) is expected


@pytest.mark.parametrize(
    "expression", ["(?=a)", r"\1", "a**", "*a", "(a", "a)", "[a", "[b-a]", "\\", "a" * 1001]
)
def test_what_re2_cannot_read_is_not_known(expression: str) -> None:
    with pytest.raises(NotKnown):
        fits(expression, "web")


@pytest.mark.parametrize(
    "expression",
    ["(a+)+b", "(a|a)*b", "(a?){30}a{30}b", ".*.*.*.*.*.*b", "((a*)*)*b", "(((){999}){999}){999}"],
)
def test_none_takes_long(expression: str) -> None:
    """Each of these may keep Python's own busy until the end of days."""
    began = time.process_time()
    for _ in range(20):
        try:
            assert not fits(expression, "a" * 1000)
        except NotKnown:
            continue
    assert time.process_time() - began < 2
