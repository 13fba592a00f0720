"""Sessions that are older than the restart of the application that had them, and still there."""

from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import GONE, NOW, page, pool
from workflows.models.evidence import MOST_SESSIONS
from workflows.models.session import Session
from workflows.survivors import describe_survivors

ONE, TWO = scenes.target(), scenes.target(instances=2)
BEFORE, AFTER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


def session(pid: int, **changes: Any) -> Session:
    return scenes.session(pid, backend_start=BEFORE, **changes)


def test_with_one_instance_every_own_session_that_is_older_outlived_it() -> None:
    fresh = scenes.session(103, backend_start=AFTER)
    told = describe_survivors(scenes.database([session(102), session(101), fresh]), None, ONE, "web-1", NOW)
    assert told is not None
    assert told.startswith(
        "2 own sessions are older than the new start of web-1 and still there (pids 101, 102)"
    )


def test_nothing_is_told_where_none_is_older() -> None:
    found = scenes.database([scenes.session(101, backend_start=NOW)])
    assert describe_survivors(found, None, ONE, "web-1", NOW) is None


def test_sessions_of_others_are_none_of_its_own() -> None:
    others = [
        session(101, usename="billing"),
        session(102, application_name="psql"),
        session(103, datname="b"),
    ]
    assert describe_survivors(scenes.database(others), None, ONE, "web-1", NOW) is None


def test_with_several_instances_only_what_the_others_do_not_count_is_told() -> None:
    old = [session(101), session(102), session(103)]
    pages = scenes.application(page(pool(active=20)), page(pool(active=1, size=2)))
    told = describe_survivors(scenes.database(old), pages, TWO, "web-1", NOW)
    assert told is not None
    assert told.startswith("3 own sessions are older than the new start of web-1")
    assert "(pids 101, 102, 103), 1 more than the other instances count in their pools (2)" in told
    assert describe_survivors(scenes.database(old[:2]), pages, TWO, "web-1", NOW) is None


def test_where_another_instance_cannot_be_read_that_is_told() -> None:
    pages = scenes.application(page(pool()), GONE)
    told = describe_survivors(scenes.database([session(101)]), pages, TWO, "web-1", NOW)
    assert told is not None
    assert "cannot be told: web-2: connection refused" in told


def test_sessions_that_could_not_be_read_are_told() -> None:
    told = describe_survivors(GONE, None, ONE, "web-1", NOW)
    assert told == "whether sessions outlived it could not be read: connection refused"


def test_many_are_cut_and_a_list_that_is_cut_says_at_least() -> None:
    old = [session(pid) for pid in range(MOST_SESSIONS)]
    told = describe_survivors(scenes.database(old, total=MOST_SESSIONS + 1), None, ONE, "web-1", NOW)
    assert told is not None
    assert told.startswith(f"at least {MOST_SESSIONS} own sessions")
    assert f"and {MOST_SESSIONS - 20} more" in told
