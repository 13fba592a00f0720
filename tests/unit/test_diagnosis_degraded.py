"""A database that is slow for everybody: told with its numbers, and nothing is done to the application."""

from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import first
from tests.unit.plans import decide
from tests.unit.scenes import evidence, known, page, pool, session, sessions, target
from tests.unit.slow_queries import OTHER, SHAPE, running, shape, slow
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.plan import HandOver
from workflows.models.session import Session

SYNC_REP: dict[str, Any] = {"wait_event_type": "IPC", "wait_event": "SyncRep"}


def waiting(count: int, start: int = 500, **wait: Any) -> list[Session]:
    """So many active sessions that wait for this."""
    return [session(start + number, 4.0, "active", **wait) for number in range(count)]


def held_up(count: int, of: int = 20, wait: dict[str, Any] = SYNC_REP, **server: Any) -> Evidence:
    """web-1 full, and so many of its working sessions waiting."""
    found = [*waiting(count, **wait), *sessions(of - count, 0.1, "active")]
    return evidence(database=scenes.database(found, total=of, **server))


@pytest.mark.parametrize(
    "wait",
    [
        SYNC_REP,
        {"wait_event_type": "IO", "wait_event": "DataFileRead"},
        {"wait_event_type": "LWLock", "wait_event": "WALWrite"},
        {"wait_event_type": "BufferPin", "wait_event": "BufferPin"},
        {"wait_event_type": "IPC", "wait_event": "BufferIO"},
        {"wait_event_type": "IPC", "wait_event": "BufferIo"},
    ],
)
def test_most_sessions_that_wait_for_the_server_itself_are_a_degraded_database(wait: dict[str, Any]) -> None:
    found = first(held_up(11, wait=wait))

    assert found.cause is Cause.DEGRADED
    assert found.confidence == pytest.approx(0.95 * 11 / 20)
    assert found.instances == ("web-1",)
    assert found.reasons[0] == (
        "11 working sessions of 20 (55.0 %) wait for storage, internal locks or a standby in the database: "
        f"{wait['wait_event_type']}/{wait['wait_event']} 11."
    )


@pytest.mark.parametrize(
    "wait",
    [
        {"wait_event_type": "Lock", "wait_event": "transactionid"},
        {"wait_event_type": "Client", "wait_event": "ClientRead"},
        {"wait_event_type": "IPC", "wait_event": "BgworkerShutdown"},
        {"wait_event_type": "Timeout", "wait_event": "PgSleep"},
    ],
)
def test_waits_that_say_nothing_of_the_server_are_none(wait: dict[str, Any]) -> None:
    assert first(held_up(20, wait=wait)).cause is not Cause.DEGRADED


def test_half_of_them_is_what_a_busy_server_always_shows() -> None:
    assert first(held_up(10)).cause is not Cause.DEGRADED


def test_several_waits_are_told_the_most_frequent_first() -> None:
    found = [*waiting(8, **SYNC_REP), *waiting(12, 600, wait_event_type="IO", wait_event="WalSync")]

    reasons = first(evidence(database=scenes.database(found, total=20))).reasons

    assert reasons[0].endswith(": IO/WalSync 12, IPC/SyncRep 8.")


@pytest.mark.parametrize(
    ("standbys", "is_told"),
    [(0, True), (1, False), (None, False)],
)
def test_a_standby_that_is_gone_is_named(standbys: int | None, is_told: bool) -> None:
    told = " ".join(first(held_up(20, sync_standbys=standbys)).reasons)

    assert ("Every commit waits for a synchronous standby, and none is connected." in told) is is_told


READS: dict[str, Any] = {"wait_event_type": "IO", "wait_event": "DataFileRead"}


def reading(shapes: dict[int, int], wait: dict[str, Any] = READS, **server: Any) -> str:
    """What is told where so many sessions run each of these queries, and wait."""
    found = [
        running(200 + 100 * query_id + number, 4.0, query_id, **wait)
        for query_id, count in shapes.items()
        for number in range(count)
    ]
    statements = server.pop("statements", known((shape(), shape(OTHER))))
    return " ".join(first(evidence(database=scenes.database(found, statements=statements, **server))).reasons)


def test_one_query_that_most_run_is_named_with_what_it_waits_for() -> None:
    look = scenes.database(
        [
            *slow(12, 4.0, **READS),
            *slow(3, 4.0, first=300, wait_event_type="IPC", wait_event="BufferIo"),
            *slow(1, 4.0, first=400),
            *[running(500 + number, 0.1, OTHER) for number in range(4)],
        ],
        statements=known((shape(), shape(OTHER))),
    )

    found = first(evidence(database=look))

    assert found.cause is Cause.DEGRADED
    assert found.reasons[1:3] == (
        (
            "16 of 20 active sessions of the application run the same query, by wait: IO/DataFileRead 12, "
            "IPC/BufferIo 3, running 1. It is query 7, SELECT * FROM parcels WHERE receiver = $1."
        ),
        (
            "Whether it is this query that keeps the storage busy, its plan tells: without an index it may "
            "read a table that is larger than the memory."
        ),
    )


@pytest.mark.parametrize(("count", "is_named"), [(9, False), (10, True)])
def test_a_query_is_named_from_half_of_what_is_active(count: int, is_named: bool) -> None:
    others = {100 + number: 1 for number in range(20 - count)}

    assert ("run the same query" in reading({SHAPE: count, **others})) is is_named


def test_a_query_of_which_no_text_was_read_is_named_by_its_id() -> None:
    assert "It is query 7." in reading({SHAPE: 20}, statements=scenes.GONE)


def test_queries_that_are_not_known_name_none() -> None:
    found = waiting(20, **READS)

    assert "same query" not in " ".join(first(evidence(database=scenes.database(found))).reasons)


@pytest.mark.parametrize("wait", [SYNC_REP, {"wait_event_type": "IO", "wait_event": "WalSync"}])
def test_a_query_that_writes_is_not_said_to_lack_an_index(wait: dict[str, Any]) -> None:
    told = reading({SHAPE: 20}, wait)

    assert f"run the same query, by wait: {wait['wait_event_type']}/{wait['wait_event']} 20." in told
    assert "its plan" not in told


def test_a_query_that_is_named_is_told_to_people_and_left_alone() -> None:
    look = evidence(database=scenes.database(slow(20, **READS), statements=known((shape(),))))

    step = decide(look).step

    assert isinstance(step, HandOver)
    assert first(look).sessions == ()


def test_a_pool_that_is_free_is_not_exhausted_by_it() -> None:
    free = pool(4)
    look = evidence(
        application=scenes.application(page(free)),
        metrics=scenes.metrics(scenes.scraped(free)),
        database=scenes.database(waiting(4, **SYNC_REP), total=20),
    )

    assert diagnose(look, None, target(), scenes.policy()).first.cause is Cause.HEALTHY


def test_sessions_that_wait_for_it_are_no_strangers() -> None:
    strangers = [session(700 + number, 4.0, "active", usename="billing", **SYNC_REP) for number in range(40)]
    look = evidence(database=scenes.database([*strangers, *sessions(20, 0.1, "active")], total=20))

    assert first(look).cause is not Cause.DEGRADED


def test_people_are_called_at_once_and_nothing_is_proposed() -> None:
    planned = decide(held_up(20))

    assert planned.step == HandOver(
        reason="the database server itself is slow: nothing done to the application would help"
    )
    assert not planned.left_out


def test_a_smaller_leak_beside_it_is_left_alone() -> None:
    look = evidence(database=scenes.database([*waiting(14, **SYNC_REP), *sessions(6)], total=20))

    assert {finding.cause for finding in diagnose(look, None, target(), scenes.policy()).findings} == {
        Cause.DEGRADED,
        Cause.LEAK,
    }
    assert isinstance(decide(look).step, HandOver)


def test_a_larger_leak_beside_slow_storage_is_still_a_leak() -> None:
    look = evidence(database=scenes.database([*waiting(4, **SYNC_REP), *sessions(16)], total=20))

    assert first(look).cause is Cause.LEAK
