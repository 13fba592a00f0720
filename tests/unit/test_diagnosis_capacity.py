"""Lost capacity: instances that do not run and pools that are smaller than configured."""

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import busy_look, first
from tests.unit.scenes import GONE, evidence, known, page, policy, pool, scraped, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause


def test_a_container_that_does_not_run_is_lost_capacity() -> None:
    two = target(instances=2)
    full = pool(waiters=4)
    look = evidence(
        application=scenes.application(page(full), GONE),
        metrics=scenes.metrics(scraped(full, full_seconds=known(400.0)), GONE),
        database=scenes.database(sessions(20, 0.0, "active")),
        containers=scenes.containers(
            scenes.container(1),
            scenes.container(2, running=False, status="exited", exit_code=137, oom_killed=True),
        ),
    )

    diagnosis = diagnose(look, None, two, policy())

    assert [each.cause for each in diagnosis.findings] == [Cause.LOST_CAPACITY]
    assert diagnosis.first.confidence == pytest.approx(0.6 + 0.4 * 0.5)
    assert diagnosis.first.instances == ("web-2",)
    assert diagnosis.first.reasons == (
        "web-2: its container does not run (exited, exit code 137, ended for want of memory).",
        "20 connections of 40 configured are missing (50.0 %).",
    )


@pytest.mark.parametrize("size", [19, 10])
def test_a_pool_smaller_than_configured_and_exhausted_is_lost_capacity(size: int) -> None:
    small = pool(size, size, waiters=2)
    look = busy_look().model_copy(
        update={"application": scenes.application(page(small)), "database": scenes.database([], total=size)}
    )

    found = first(look)

    assert found.cause is Cause.LOST_CAPACITY
    assert f"web-1: the pool has {size} connections, configured are 20." in found.reasons


def test_a_smaller_pool_that_is_free_is_no_cause() -> None:
    look = busy_look().model_copy(
        update={
            "application": scenes.application(page(pool(2, 10))),
            "database": scenes.database([], total=10),
        }
    )

    assert [each.cause for each in diagnose(look, None, target(), policy()).findings] == [Cause.HEALTHY]


def test_stopped_instances_and_smaller_pools_add_up() -> None:
    small = pool(15, 15, waiters=2)
    look = evidence(
        application=scenes.application(page(small), GONE),
        metrics=scenes.metrics(scraped(small), GONE),
        database=scenes.database([], total=15),
        containers=scenes.containers(
            scenes.container(1), scenes.container(2, running=False, status="exited")
        ),
    )

    found = diagnose(look, None, target(instances=2), policy()).first

    assert found.reasons[-1] == "25 connections of 40 configured are missing (62.5 %)."
    assert found.instances == ("web-2", "web-1")


def test_causes_are_ranked_by_how_sure_they_are() -> None:
    two = target(instances=2)
    look = evidence(
        application=scenes.application(page(pool(waiters=4)), GONE),
        metrics=scenes.metrics(scraped(pool()), GONE),
        containers=scenes.containers(
            scenes.container(1), scenes.container(2, running=False, status="exited")
        ),
    )

    some = diagnose(look, None, two, policy())
    more = diagnose(look, scenes.before(look), two, policy())

    assert [each.cause for each in some.findings] == [Cause.LOST_CAPACITY, Cause.LEAK]
    assert [each.cause for each in more.findings] == [Cause.LEAK, Cause.LOST_CAPACITY]
