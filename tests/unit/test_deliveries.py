"""Deliveries of one alert come twice and overtake each other: the word that was received last holds."""

from datetime import timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import cases
from tests.unit.scenes import NOW
from workflows.models.alert import Alert, AlertStatus
from workflows.record import Record

FIRING, RESOLVED = AlertStatus.FIRING, AlertStatus.RESOLVED


def said(status: AlertStatus, second: int) -> Alert:
    received = NOW + timedelta(seconds=second)
    return cases.alert(cases.target(), NOW, status, received_at=received)


def record() -> Record:
    subject = cases.target()
    return Record(cases.case(subject, cases.policy(), said(FIRING, 0)), NOW)


def heard(*deliveries: Alert) -> tuple[list[bool], bool, int]:
    fresh = record()
    news = [fresh.hear(each, NOW) for each in deliveries]
    return news, fresh.is_firing, fresh.firings


def test_a_repeated_alert_is_no_news() -> None:
    assert heard(said(FIRING, 0), said(FIRING, 60)) == ([True, False], True, 1)


def test_a_copy_from_before_the_end_opens_nothing() -> None:
    assert heard(said(FIRING, 0), said(RESOLVED, 60), said(FIRING, 0)) == ([True, True, False], False, 1)


def test_the_same_start_that_fires_after_the_end_is_news() -> None:
    assert heard(said(FIRING, 0), said(RESOLVED, 60), said(FIRING, 61)) == ([True, True, True], True, 2)


def test_an_end_that_was_overtaken_by_the_next_firing_ends_nothing() -> None:
    assert heard(said(FIRING, 0), said(FIRING, 61), said(RESOLVED, 60)) == ([True, False, False], True, 1)


def test_of_both_at_once_the_end_holds() -> None:
    assert not heard(said(FIRING, 0), said(RESOLVED, 0))[1]
    assert not heard(said(RESOLVED, 0), said(FIRING, 0))[1]


def test_of_two_webhooks_with_two_clocks_the_word_that_comes_last_holds() -> None:
    assert heard(said(FIRING, 600), said(RESOLVED, 60)) == ([True, True], False, 1)
    assert heard(said(FIRING, 600), said(RESOLVED, 60), said(FIRING, 700)) == ([True, True, True], True, 2)


@given(st.lists(st.tuples(st.sampled_from([FIRING, RESOLVED]), st.integers(0, 3)), min_size=1, max_size=5))
def test_in_any_order_the_last_word_holds(words: list[tuple[AlertStatus, int]]) -> None:
    ends = {heard(*(said(*word) for word in order))[1] for order in permutations(words)}
    assert len(ends) == 1
