"""When a pool is exhausted, when it is healthy, and whose word counts for it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import first, leak_look
from tests.unit.scenes import GONE, NOW, evidence, known, page, policy, pool, scraped, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause
from workflows.models.reading import Known, Unavailable


@pytest.mark.parametrize(
    ("state", "timeouts", "probe", "is_exhausted"),
    [
        (pool(20), 0.0, known(0.1), True),
        (pool(58, 60), 0.0, known(0.1), True),
        (pool(57, 60), 0.0, known(0.1), False),
        (pool(57, 60, waiters=1), 0.0, known(0.1), True),
        (pool(57, 60), 2.0, known(0.1), True),
        (pool(57, 60), 0.0, GONE, True),
        (pool(56, 60, waiters=3), 2.0, known(0.1), False),
        (pool(0, 0), 0.0, known(0.1), True),
        (pool(57, 60, waiters=None), 0.0, known(0.1), False),
    ],
)
def test_exhausted_is_above_the_threshold_or_full_and_suffering(
    state: Any, timeouts: float, probe: Any, is_exhausted: bool
) -> None:
    look = evidence(
        application=scenes.application(page(state, probe_seconds=probe)),
        metrics=scenes.metrics(scraped(state, timeouts=known(timeouts))),
        database=scenes.database([], total=60),
    )

    causes = {each.cause for each in diagnose(look, None, target(), policy()).findings}

    assert (Cause.HEALTHY not in causes) is is_exhausted


def test_healthy_says_so_with_the_numbers() -> None:
    free = pool(4)
    look = evidence(
        application=scenes.application(page(free)),
        metrics=scenes.metrics(scraped(free)),
        database=scenes.database([], total=6),
    )

    found = first(look)

    assert (found.cause, found.confidence) == (Cause.HEALTHY, 1.0)
    assert found.reasons == ("No pool is above 95.0 %: web-1: 4 of 20 connections checked out (20.0 %).",)


def test_a_pool_fuller_than_recovery_allows_is_healthy_and_its_leak_named() -> None:
    full_enough = pool(15)
    look = leak_look(
        sessions(10),
        application=scenes.application(page(full_enough)),
        metrics=scenes.metrics(scraped(full_enough)),
    )

    diagnosis = diagnose(look, None, target(), policy())

    assert [each.cause for each in diagnosis.findings] == [Cause.HEALTHY, Cause.LEAK]


@pytest.mark.parametrize(
    "silent",
    [
        {"application": GONE},
        {"application": scenes.application(GONE)},
        {"application": scenes.application(page(pool(4), probe_seconds=GONE))},
        {"application": scenes.application()},
        {"application": scenes.application(page(pool(4)), at=NOW - timedelta(minutes=2))},
        {"application": scenes.application(page(pool(4)), at=NOW + timedelta(minutes=2))},
    ],
    ids=["source", "instance", "probe", "not mentioned", "old", "from the future"],
)
def test_an_instance_that_does_not_answer_is_never_healthy(silent: dict[str, Any]) -> None:
    free = {"metrics": scenes.metrics(scraped(pool(4))), "database": scenes.database([], total=6)}

    found = first(evidence(**{**free, **silent}))

    assert found.cause is Cause.UNKNOWN
    assert found.confidence == 0.0


def test_the_page_counts_before_the_metrics_and_these_only_where_it_is_silent() -> None:
    look = evidence(application=GONE, metrics=scenes.metrics(scraped(pool(20))))

    asked = diagnose(evidence(metrics=scenes.metrics(scraped(pool(3)))), None, target(), policy())
    only_scraped = diagnose(look, None, target(), policy())

    assert asked.first.cause is Cause.LEAK
    assert only_scraped.first.cause is Cause.LEAK
    pool_reading = only_scraped.pools["web-1"]
    assert isinstance(pool_reading, Known)
    assert pool_reading.value.active == 20


def test_every_configured_instance_has_a_pool_reading_whatever_was_said() -> None:
    diagnosis = diagnose(evidence(), None, target(instances=3), policy())

    assert set(diagnosis.pools) == {"web-1", "web-2", "web-3"}
    assert isinstance(diagnosis.pools["web-3"], Unavailable)
    assert "did not mention" in diagnosis.pools["web-3"].reason
