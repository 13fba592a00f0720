"""What an application's monitors say is a stranger's word: few entries, masked, cut, and never a crash."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities import own_monitors
from activities.missing import Missing
from activities.own_monitors import LONGEST_QUERY, MOST_READ, MOST_TOLD
from activities.profiles.profile import Checkouts, QueriesPage
from workflows.models.evidence import Checkout, OwnQuery
from workflows.models.text import LONGEST_NAME

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECRET = "hunter2secret"
HELD = Checkouts(entries="", borrower="/who", held_seconds="/held")
SINCE = Checkouts(entries="", borrower="/who", since="/since")
PAGE = QueriesPage(path="/queries", entries="", text="/sql", mean_seconds="/mean", calls="/calls")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["who", "held", "since", "sql", "mean", "calls"]), inner, max_size=6
        )
    ),
    max_leaves=12,
)


def checkouts(document: object, named: Checkouts = HELD) -> tuple[Checkout, ...]:
    return own_monitors.checkouts(document, named, NOW).value


def queries(document: object) -> tuple[OwnQuery, ...]:
    return own_monitors.queries(json.dumps(document).encode(), PAGE, NOW).value


def query(**changes: Any) -> dict[str, Any]:
    return {"sql": "SELECT a FROM b", "mean": 0.5, "calls": 7, **changes}


def test_the_few_that_are_held_longest_are_told_wherever_they_stand() -> None:
    seconds = [3, 900, 1, 14, 15, 9, 26, 5]
    told = checkouts([{"who": f"/{each}", "held": each} for each in seconds])
    assert [one.held_seconds for one in told] == [900, 26, 15, 14, 9]
    assert [one.borrower for one in told] == ["/900", "/26", "/15", "/14", "/9"]


def test_the_few_slowest_are_told_whatever_the_page_ranks_by() -> None:
    told = queries([query(sql=f"SELECT a{n}", mean=n / 10) for n in (4, 2, 9, 1, 5, 3, 8)])
    assert [one.mean_seconds for one in told] == [0.9, 0.8, 0.5, 0.4, 0.3]


def test_a_page_without_end_is_read_as_far_as_the_bound() -> None:
    many = [{"who": "/quick", "held": 1.0}] * MOST_READ + [{"who": "/late", "held": 9.0}]
    assert {one.borrower for one in checkouts(many)} == {"/quick"}
    assert len(checkouts(many)) == MOST_TOLD


def test_an_entry_that_cannot_be_read_leaves_the_others() -> None:
    told = queries([{}, 7, None, query(mean="x"), query(calls=-1), query(sql=" "), query(mean=1e300)])
    assert [(one.text, one.calls) for one in told] == [("SELECT a FROM b", None)]


@pytest.mark.parametrize(
    ("since", "seconds"),
    [
        ("2026-03-02T11:59:00Z", 60),
        ((NOW - timedelta(minutes=5)).timestamp(), 300),
        ("2026-03-02T12:00:03+00:00", 0),
    ],
)
def test_a_begin_is_told_as_an_age(since: object, seconds: float) -> None:
    assert checkouts([{"who": "/a", "since": since}], SINCE)[0].held_seconds == seconds


@pytest.mark.parametrize("since", ["yesterday", "2026-03-02T12:00:00", True, -1, None])
def test_a_begin_that_is_no_moment_is_missing(since: object) -> None:
    with pytest.raises(Missing, match=r"no entry .* is no time|nothing at /since"):
        checkouts([{"who": "/a", "since": since}], SINCE)


@pytest.mark.parametrize(
    "sql",
    [
        f"TABLE a; EXECUTE b('{SECRET}')",
        f"SELECT 1 /* {SECRET} */",
        f"SELECT 1 -- {SECRET}",
        f"SET app.token = {SECRET}",
        f"SELECT 'a' || '{SECRET}",
        f"{'SELECT a, ' * 500} '{SECRET}' || '{SECRET * 400}'",
        f"'{'x' * 3995}{SECRET}",
    ],
)
def test_no_literal_of_a_query_is_told(sql: str) -> None:
    told = queries([query(sql=sql)])[0].text
    assert SECRET[:4] not in told
    assert 0 < len(told) <= LONGEST_QUERY


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/orders?name=hunter2secret&token=hunter2secret", "/orders"),
        ("checkout.py:42 in pay", "checkout.py:42 in pay"),
        ("job password=hunter2secret", "job password=?"),
        ("postgresql://shop:hunter2secret@db/shop", "postgresql://?@db/shop"),
        ("a\x1b[2J\u202eb\nc", "a [2J b c"),
        ("?hunter2secret", "?"),
        ("\x00\x01", "?"),
    ],
)
def test_a_borrower_is_one_clean_line_without_what_a_user_asked_for(name: str, told: str) -> None:
    assert checkouts([{"who": name, "held": 1}])[0].borrower == told


def test_a_long_borrower_is_cut() -> None:
    assert len(checkouts([{"who": "x" * 100_000, "held": 1}])[0].borrower) == LONGEST_NAME


@given(JSON)
def test_whatever_a_page_holds_it_is_read_or_missing(document: object) -> None:
    for named in (HELD, SINCE):
        try:
            told = checkouts(document, named)
        except Missing:
            continue
        assert len(told) <= MOST_TOLD
        assert all(one.borrower.isprintable() and one.held_seconds >= 0 for one in told)
    try:
        told_queries = queries(document)
    except Missing:
        return
    assert all(one.text.isprintable() and one.model_dump_json() for one in told_queries)


def test_a_page_made_to_be_slow_is_read_in_no_time() -> None:
    bad = "SELECT " + "'a''" * 50_000 + "password=" * 50_000
    body = json.dumps([query(sql=bad, mean=each) for each in range(4)]).encode()
    began = time.thread_time()
    own_monitors.queries(body, PAGE, NOW)
    own_monitors.checkouts([{"who": bad, "held": each} for each in range(9)], HELD, NOW)
    assert time.thread_time() - began < 1
