"""Sessions that were there before the restart of the application that had them, and still are."""

from datetime import timedelta

import pytest

from tests.unit import scenes
from tests.unit.scenes import GONE, NOW, page, pool, session
from workflows.models.evidence import MOST_SESSIONS, ApplicationReading
from workflows.models.reading import Known, Unavailable
from workflows.models.session import Session
from workflows.survivors import describe_survivors

ONE, TWO = scenes.target(), scenes.target(instances=2)


def told(
    before: list[Session],
    after: list[Session],
    pages: Known[ApplicationReading] | Unavailable | None = None,
    totals: tuple[int, int] = (20, 20),
) -> str | None:
    then, now = (scenes.database(*each) for each in zip((before, after), totals, strict=True))
    return describe_survivors(then, now, pages, TWO if pages else ONE, "web-1")


def test_with_one_instance_every_own_session_that_was_there_outlived_it() -> None:
    old = [session(102), session(101)]
    said = told([*old, session(100)], [*old, session(103)])
    assert said is not None
    assert said.startswith(
        "2 own sessions were there before the restart of web-1 and still are (pids 101, 102)"
    )


def test_what_a_session_does_by_now_is_no_matter() -> None:
    said = told([session(101)], [session(101, 1.0, "active")])
    assert said is not None
    assert "1 own session was there before the restart of web-1 and still is (pids 101)" in said


@pytest.mark.parametrize("skew", [-2, 2])
def test_a_new_session_is_not_named_whatever_the_clocks_say_and_whichever_pid_it_was_given(skew: int) -> None:
    new = session(101, backend_start=scenes.STARTED + timedelta(seconds=skew))
    assert told([session(101)], [new, session(102)]) is None


def test_sessions_of_others_are_none_of_its_own() -> None:
    others = [
        session(101, usename="billing"),
        session(102, application_name="psql"),
        session(103, datname="b"),
    ]
    assert told(others, others) is None


def test_with_several_instances_only_what_the_others_do_not_count_is_told() -> None:
    old = [session(101), session(102), session(103)]
    pages = scenes.application(page(pool(active=20)), page(pool(active=1, size=2)))
    said = told(old, old, pages)
    assert said is not None
    assert said.startswith("3 own sessions were there before the restart of web-1")
    assert "(pids 101, 102, 103), 1 more than the other instances count in their pools (2)" in said
    assert told(old[:2], old, pages) is None


def test_where_another_instance_cannot_be_read_that_is_told() -> None:
    pages = scenes.application(page(pool()), GONE)
    said = told([session(101)], [session(101)], pages)
    assert said is not None
    assert "cannot be told: web-2: connection refused" in said
    assert told([session(101)], [session(102)], pages) is None


def test_sessions_that_could_not_be_read_are_told() -> None:
    found = scenes.database([session(101)])
    said = describe_survivors(found, GONE, None, ONE, "web-1")
    assert said == "whether sessions outlived it could not be read: connection refused"
    said = describe_survivors(GONE, found, None, ONE, "web-1")
    assert said == "whether any session outlived it cannot be told: before it, connection refused"
    assert describe_survivors(GONE, scenes.database([]), None, ONE, "web-1") is None


@pytest.mark.parametrize("totals", [(MOST_SESSIONS + 1, 20), (20, MOST_SESSIONS + 1)])
def test_many_are_cut_and_where_either_list_is_cut_it_says_at_least(totals: tuple[int, int]) -> None:
    old = [session(pid) for pid in range(MOST_SESSIONS)]
    said = told(old, old, totals=totals)
    assert said is not None
    assert said.startswith(f"at least {MOST_SESSIONS} own sessions")
    assert f"and {MOST_SESSIONS - 20} more" in said
    assert told(old, [], totals=(totals[0], 0)) is None
    new = [session(pid, backend_start=NOW) for pid in range(MOST_SESSIONS)]
    said = told(old, new, totals=totals)
    assert said == "whether any session outlived it cannot be told: there are more than are listed"
