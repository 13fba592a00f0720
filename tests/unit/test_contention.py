"""When the database itself holds the application's work up, and when it only is busy."""

from typing import Any

import pytest

from tests.unit.scenes import session, target
from workflows.contention import describe_contention


def working(waiting: int, **wait: Any) -> list[Any]:
    """Ten sessions that work, so many of them waiting; and idle ones, which do not count."""
    held = [session(100 + number, 1.0, "active", **wait) for number in range(waiting)]
    free = [session(200 + number, 1.0, "active") for number in range(10 - waiting)]
    return [*held, *free, *(session(300 + number, 1.0, "idle") for number in range(10))]


@pytest.mark.parametrize(
    ("waiting", "wait", "is_held_up"),
    [
        (3, {"wait_event_type": "Lock", "wait_event": "transactionid"}, True),
        (2, {"wait_event_type": "Lock", "wait_event": "transactionid"}, False),
        (6, {"wait_event_type": "IO", "wait_event": "DataFileRead"}, True),
        (5, {"wait_event_type": "IO", "wait_event": "DataFileRead"}, False),
        (6, {"wait_event_type": "LWLock", "wait_event": "WALWrite"}, True),
        (6, {"wait_event_type": "IPC", "wait_event": "SyncRep"}, True),
        (10, {"wait_event_type": "Client", "wait_event": "ClientRead"}, False),
    ],
)
def test_shares_that_explain_a_full_pool(waiting: int, wait: dict[str, Any], is_held_up: bool) -> None:
    assert (describe_contention(working(waiting, **wait), target()) is not None) is is_held_up


def test_it_says_how_many_wait_for_what() -> None:
    told = describe_contention(working(4, wait_event_type="Lock"), target())

    assert told == "4 working sessions of 10 (40.0 %) wait for locks in the database."


def test_strangers_and_nobody_hold_nothing_up() -> None:
    strangers = [
        session(number, 1.0, "active", usename="billing", wait_event_type="Lock") for number in range(9)
    ]

    assert describe_contention(strangers, target()) is None
    assert describe_contention([], target()) is None
