"""Whose leak it is where a target has several instances, read or not, known or not."""

import pytest

from tests.unit import scenes
from tests.unit.diagnoses import first
from tests.unit.scenes import GONE, evidence, known, page, policy, pool, scraped, sessions, target
from workflows.diagnosis import diagnose
from workflows.models.diagnosis import Cause


def test_only_the_exhausted_instance_counts_never_an_average() -> None:
    two = target(instances=2)
    look = evidence(
        application=scenes.application(page(pool(2)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(2)), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(10), total=40),
    )

    found = diagnose(look, None, two, policy()).first

    assert (found.cause, found.instances) == (Cause.LEAK, ("web-2",))
    assert found.share == pytest.approx(0.4)
    assert "at least 40.0 % of the 20 connections checked out on web-2" in found.reasons[0]


@pytest.mark.parametrize(("others", "is_leak"), [(5, True), (6, False)])
def test_sessions_that_may_all_be_of_other_instances_explain_nothing(others: int, is_leak: bool) -> None:
    """Ten stand still; the exhausted pool has twenty busy connections, the other one so many."""
    look = evidence(
        application=scenes.application(page(pool(others)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(others)), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(10), total=40),
    )

    found = diagnose(look, None, target(instances=2), policy()).first

    assert (found.cause is Cause.LEAK) is is_leak


@pytest.mark.parametrize(("fewest", "is_leak"), [(5, True), (6, False), (None, False)])
def test_what_comes_and_goes_elsewhere_does_not_hold_what_stands_still(
    fewest: int | None, is_leak: bool
) -> None:
    """The other instance has 15 busy now, and at some scrape lately had so few: more it cannot have held."""
    least = None if fewest is None else known(fewest)
    look = evidence(
        application=scenes.application(page(pool(15)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(15), least_active=least), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(10), total=40),
    )

    found = diagnose(look, None, target(instances=2), policy()).first

    assert (found.cause is Cause.LEAK) is is_leak
    assert not is_leak or found.instances == ("web-2",)


def test_what_comes_and_goes_elsewhere_makes_no_suspicion_stronger() -> None:
    """Young sessions may be those that the other instance has busy just now."""
    young = sessions(10, seconds=8.0)
    look = evidence(
        application=scenes.application(page(pool(15)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(15), least_active=known(0)), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(young, total=40),
    )

    assert diagnose(look, None, target(instances=2), policy()).first.cause is not Cause.LEAK


def test_an_instance_that_could_not_be_read_may_have_all_of_them() -> None:
    look = evidence(
        application=scenes.application(GONE, page(pool(waiters=9))),
        metrics=scenes.metrics(GONE, scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(18), total=40),
    )

    assert diagnose(look, None, target(instances=2), policy()).first.cause is not Cause.LEAK


def test_instances_that_nobody_knows_make_a_person_judge() -> None:
    stranger = scenes.metrics(scraped(pool(waiters=4)), unexpected=("web-3",))

    (doubt,) = first(evidence(metrics=stranger)).doubts

    assert "web-3" in doubt


def test_a_crowded_instance_is_not_counted_while_another_is_exhausted() -> None:
    look = evidence(
        application=scenes.application(page(pool(15)), page(pool(waiters=9))),
        metrics=scenes.metrics(scraped(pool(15)), scraped(pool())),
        containers=scenes.containers(scenes.container(1), scenes.container(2)),
        database=scenes.database(sessions(20), total=35),
    )

    found = diagnose(look, None, target(instances=2), policy()).first

    assert found.instances == ("web-2",)
