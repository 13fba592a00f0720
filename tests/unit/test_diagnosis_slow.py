"""A slow query: one shape for many times its usual time, told from everything else that fills a pool."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.queues import queued
from tests.unit.scenes import before, known, policy, pool, session, sessions, target
from tests.unit.slow_queries import OTHER, SHAPE, running, shape, slow, slow_look
from workflows.causes.slow import find_slow
from workflows.causes.symptoms import observe
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause, Finding
from workflows.models.evidence import Evidence
from workflows.models.pressure import Checkpoints, ServerPressure
from workflows.models.session import Session


def causes(look: Evidence, previous: Evidence | None = None, **rules: Any) -> dict[Cause, Finding]:
    found = diagnose(look, previous, target(), policy(thresholds=rules)).findings
    return {finding.cause: finding for finding in found}


def dismissal(look: Evidence) -> str:
    found = find_slow(observe(look, None, target(), policy()))
    assert isinstance(found, str)
    return found


def busy(count: int = 2) -> list[Session]:
    return [running(600 + place, 0.01, OTHER) for place in range(count)]


def test_one_shape_that_holds_the_pool_for_many_times_its_usual_time_is_called() -> None:
    found = causes(slow_look([*slow(18), *busy()]))

    assert list(found) == [Cause.SLOW]
    finding = found[Cause.SLOW]
    assert finding.reasons == (
        (
            "18 of 20 active sessions run the same query, for 12 s: at least 90.0 % of the 20 connections "
            "checked out on web-1. It is query 7, SELECT * FROM parcels WHERE receiver = $1."
        ),
        "Usually it takes 20 ms, by 10000 calls; slow is called from 10 times that, and 1.0 s.",
    )
    assert [each.identity.pid for each in finding.sessions] == list(range(200, 218))
    assert (finding.query_id, finding.share, finding.doubts, finding.ripe_in) == (SHAPE, 0.9, (), None)


@pytest.mark.parametrize(("count", "is_called"), [(9, False), (10, True)])
def test_from_half_of_what_is_active_and_checked_out(count: int, is_called: bool) -> None:
    assert (Cause.SLOW in causes(slow_look([*slow(count), *busy(20 - count)]))) is is_called
    # Idle sessions are none of the active ones, and hold connections all the same.
    idle = [session(900 + place, 0.1) for place in range(20 - count)]
    assert (Cause.SLOW in causes(slow_look([*slow(count), *idle]))) is is_called


@pytest.mark.parametrize(
    ("usual", "seconds", "is_called"),
    [(0.02, 0.7, False), (0.02, 1.5, True), (1.0, 9.5, False), (1.0, 10.5, True)],
)
def test_ten_times_the_usual_and_never_less_than_a_second(
    usual: float, seconds: float, is_called: bool
) -> None:
    look = slow_look(slow(20, seconds), shape(mean_seconds=usual, longest_seconds=2 * usual))
    found = causes(look, before(look)).get(Cause.SLOW)

    assert (found is not None and found.ripe_in is None) is is_called


def test_slow_calls_that_are_over_do_not_hide_what_is_usual() -> None:
    # 10,000 calls of 20 ms, and 400 of 10 s by now: a mean of 0.4 s.
    spoilt = shape(calls=10_400, mean_seconds=0.404, longest_seconds=10.0, deviation_seconds=1.919)

    assert Cause.SLOW in causes(slow_look(slow(20, 3.0), spoilt))
    assert Cause.SLOW not in causes(slow_look(slow(20, 3.0), shape(mean_seconds=0.404)))


def test_what_takes_so_long_often_is_for_a_person_to_judge() -> None:
    # One call in five takes 10 s, the others 20 ms.
    often = shape(mean_seconds=2.016, longest_seconds=10.0, deviation_seconds=3.992)
    (doubt,) = causes(slow_look(slow(20), often))[Cause.SLOW].doubts

    assert doubt.startswith("20.0 % of its calls took about as long before")


@pytest.mark.parametrize(
    "changes",
    [
        {"wait_event_type": "Lock", "wait_event": "transactionid"},
        {"wait_event_type": "IPC", "wait_event": "SyncRep"},
        {"in_progress": "pg_stat_progress_create_index"},
        {"usename": "billing"},
        {"application_name": "nightly"},
        {"query_id": None},
    ],
    ids=lambda changes: next(iter(changes.values())),
)
def test_only_own_statements_that_run_count(changes: dict[str, Any]) -> None:
    assert Cause.SLOW not in causes(slow_look(slow(20, **changes)))


@pytest.mark.parametrize(
    ("shapes", "why"),
    [
        ((shape(OTHER),), "not known from 20 calls"),
        ((shape(calls=19),), "not known from 20 calls"),
    ],
)
def test_where_the_usual_is_not_known_nothing_is_called_slow(shapes: tuple[Any, ...], why: str) -> None:
    assert why in dismissal(slow_look(slow(20), *shapes))


def test_without_statistics_nothing_is_called_slow() -> None:
    look = slow_look([], database=scenes.database(slow(20), statements=scenes.GONE))

    assert "could not be read (connection refused)" in dismissal(look)


def test_a_pool_that_is_not_exhausted_has_no_slow_query() -> None:
    free = pool(10)
    look = slow_look(
        slow(9),
        application=scenes.application(scenes.page(free)),
        metrics=scenes.metrics(scenes.scraped(free)),
    )

    assert Cause.SLOW not in causes(look)


@pytest.mark.parametrize("waiting", [{"wait_event_type": "IO", "wait_event": "DataFileRead"}])
def test_a_database_that_is_slow_itself_is_not_a_slow_query(waiting: dict[str, Any]) -> None:
    found = causes(slow_look([*slow(12, **waiting), *slow(8, first=300)]))

    assert Cause.SLOW not in found
    assert Cause.DEGRADED in found


def test_a_lock_queue_is_not_a_slow_query() -> None:
    found = causes(slow_look([*slow(13), *queued(7, 99, first=700)]))

    assert Cause.SLOW not in found


def test_a_spike_and_an_undersized_pool_are_not_called_beside_it() -> None:
    full = pool(waiters=4)
    look = slow_look(
        [*slow(12), *busy(8)],
        metrics=scenes.metrics(scenes.scraped(full, full_seconds=known(900.0)), request_rate=known(200.0)),
    )
    finding = causes(look)[Cause.SLOW]

    assert {Cause.SPIKE, Cause.UNDERSIZED, Cause.HOLD, Cause.DEGRADED} & causes(look).keys() == set()
    assert "Traffic is 400.0 % of the usual" in finding.doubts[0]


def test_traffic_that_is_not_known_is_a_doubt() -> None:
    (doubt,) = causes(slow_look(slow(20), metrics=scenes.GONE))[Cause.SLOW].doubts

    assert doubt.startswith("Traffic is not known")


def test_other_queries_that_are_slow_as_well_are_a_doubt() -> None:
    (doubt,) = causes(slow_look([*slow(16), running(900, 20.0, OTHER)]))[Cause.SLOW].doubts

    assert doubt.startswith("Other queries take many times their usual time as well (query 8)")


def test_an_unknown_instance_is_a_doubt() -> None:
    full = scenes.scraped(pool(waiters=4))
    look = slow_look(slow(20), metrics=scenes.metrics(full, unexpected=("web-9",)))

    assert "web-9" in causes(look)[Cause.SLOW].doubts[0]


def test_what_other_instances_may_run_is_not_counted_here() -> None:
    full, free = pool(waiters=4), pool(12)
    look = slow_look(
        slow(20),
        application=scenes.application(scenes.page(full), scenes.page(free)),
        metrics=scenes.metrics(scenes.scraped(full), scenes.scraped(free)),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
    )
    found = diagnose(look, None, target(2), policy()).findings

    assert Cause.SLOW not in {finding.cause for finding in found}


def test_younger_ones_are_looked_at_again_once() -> None:
    young = slow_look(slow(20, 0.5))
    suspicion = causes(young)[Cause.SLOW]
    assert suspicion.ripe_in == timedelta(seconds=2)
    assert suspicion.sessions == ()

    # Others have come in their place: they do come to their end in time.
    assert Cause.SLOW not in causes(slow_look(slow(20, 0.5, first=300)), before(young))
    # After the slow ones were cancelled, new ones are worth a look of their own.
    assert causes(young, before(slow_look(slow(20))))[Cause.SLOW].ripe_in is not None


@pytest.mark.parametrize(("hold", "is_suspected"), [(0.2, False), (0.9, True)])
def test_those_that_began_together_are_looked_at_again_where_connections_come_back_late(
    hold: float, is_suspected: bool
) -> None:
    metrics = scenes.metrics(scenes.scraped(pool(waiters=4)), hold_seconds=known(hold))

    assert (Cause.SLOW in causes(slow_look(slow(20, 0.0), metrics=metrics))) is is_suspected


def test_a_leak_beside_it_is_told_by_what_it_holds() -> None:
    found = causes(slow_look([*sessions(12), *slow(8)]))

    assert next(iter(found)) is Cause.LEAK
    assert Cause.SLOW not in found


@pytest.mark.parametrize(
    ("waits", "is_doubted"),
    [
        ({"IO": 140, "LWLock": 60, "running": 40}, True),
        ({"IO": 10, "running": 10}, False),
        ({"Lock": 200, "running": 1}, False),
        ({}, False),
    ],
)
def test_where_the_whole_server_waits_for_storage_a_person_decides(
    waits: dict[str, int], is_doubted: bool
) -> None:
    checkpoints = Checkpoints(timed=1, requested=0)
    pressure = ServerPressure(
        waits=waits, standbys=(), idle_slots=0, kept_bytes=None, checkpoints=checkpoints
    )
    finding = causes(slow_look(slow(18), server={"pressure": known(pressure)}))[Cause.SLOW]

    told = [doubt for doubt in finding.doubts if "the server itself may be slow" in doubt]
    assert bool(told) is is_doubted
