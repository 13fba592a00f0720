"""Configured text reaches PromQL as a quoted value, or not at all."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.promql import duration, fill, quote, select


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", '""'),
        ("orders", '"orders"'),
        ('a"b', r'"a\"b"'),
        ("a\\b", r'"a\\b"'),
        ("a\nb", r'"a\nb"'),
        ("a\rb", r'"a\rb"'),
        ("{a='b'}", "\"{a='b'}\""),
        ('"} or vector(1) #', r'"\"} or vector(1) #"'),
        ("$active", '"$active"'),
    ],
)
def test_a_value_stays_one_value(value: str, quoted: str) -> None:
    assert quote(value) == quoted


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_ends_the_quotes_early(value: str) -> None:
    inside = quote(value)[1:-1]
    assert "\n" not in inside
    bare = inside.replace("\\\\", "").replace('\\"', "")
    assert '"' not in bare
    assert not bare.endswith("\\")


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        quote("\ud800")


def test_a_selector_has_its_labels_in_order() -> None:
    assert select("up", {"job": "a", "instance": "b"}) == 'up{instance="b",job="a"}'


@pytest.mark.parametrize("name", ["", "a b", "a{", "1a", 'a"', "a\n", "ä"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        select(name, {})
    with pytest.raises(ValueError, match="name"):
        select("up", {name: "x"})


def test_a_duration_is_told_to_the_millisecond() -> None:
    assert duration(timedelta(minutes=5)) == "300000ms"
    assert duration(timedelta(seconds=1.5)) == "1500ms"


def test_a_filled_template_does_not_read_what_it_was_filled_with() -> None:
    selector = select("up", {"job": "$window ${ago} $$"})
    assert fill("rate($up[$window])", {"up": selector}, {"window": timedelta(seconds=1)}) == (
        'rate(up{job="$window ${ago} $$"}[1000ms])'
    )


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("$up", {}, {})
