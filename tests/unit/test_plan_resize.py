"""By how much a pool grows, for how long, and why it does not."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.plans import decide, proposed, tried, two_look, undersized_look
from tests.unit.pressures import pressed
from tests.unit.scenes import GONE, known, page, policy, pool, scraped, sessions, target
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt, OutcomeStatus
from workflows.models.plan import HandOver, Plan, Proposal, Resize
from workflows.models.policy import Permission, Policy
from workflows.models.target import Target

NO_RELOAD = target(reload=None)
NO_PAGE = "profile shop names no pool page: a new size could not be checked"


def resized(decided: Plan) -> Resize:
    act = proposed(decided).act
    assert isinstance(act, Resize)
    return act


RESIZE = proposed(decide(undersized_look()))


def test_an_undersized_pool_grows_by_approval_for_a_time() -> None:
    act = RESIZE.act

    assert act == Resize(sizes={"web-1": 40}, baseline={"web-1": 20}, lasts=timedelta(hours=4))
    assert (RESIZE.cause, RESIZE.permission) == (Cause.UNDERSIZED, Permission.APPROVAL)
    assert RESIZE.effect == (
        "Set the pool of web-1 from 20 to 40 connections, for 4 h 0 min, then back to the configured size. "
        "The server has room: max_connections 100, reserved 3, others 5, left for us 92, "
        "our pools may open 20."
    )


@pytest.mark.parametrize(
    ("server", "subject", "size"),
    [
        ({"max_connections": 100}, target(), 40),
        ({"max_connections": 60}, target(), 40),
        ({"max_connections": 38}, target(), 30),
        ({"max_connections": 29}, target(), 21),
        ({"max_connections": 38, "reserved_connections": 10}, target(), 23),
        ({"max_connections": 60}, scenes.with_database(target(), others=30), 27),
        ({"max_connections": 60}, target(surge=2.0), 26),
        ({"max_connections": 38, "foreign": 8}, target(), 27),
    ],
)
def test_a_resize_keeps_to_the_server_s_free_slots(
    server: dict[str, Any], subject: Target, size: int
) -> None:
    look = undersized_look(database=scenes.database(sessions(20, 0.0, "active"), **server))

    assert resized(decide(look, subject=subject)).sizes == {"web-1": size}


def test_the_runbook_s_60_connections_do_not_fit_a_server_of_60() -> None:
    forty = scenes.with_instance(target(), "web-1", pool_size=40)
    state = pool(40, 40, waiters=5)
    look = undersized_look(
        application=scenes.application(page(state)),
        metrics=scenes.metrics(scraped(state, full_seconds=known(900.0))),
        database=scenes.database(sessions(20, 0.0, "active"), total=40, max_connections=60, foreign=1),
    )

    assert resized(decide(look, subject=forty, rules=policy(limits={"resize_factor": 1.5}))).sizes == {
        "web-1": 56
    }


def test_every_instance_grows_by_the_same_number() -> None:
    two = target(instances=2)
    look = two_look(
        metrics=scenes.metrics(scraped(full_seconds=known(900.0)), scraped(full_seconds=known(900.0))),
        database=scenes.database(sessions(20, 0.0, "active"), total=40, max_connections=69),
    )

    assert resized(decide(look, subject=two)).sizes == {"web-1": 30, "web-2": 30}


def test_an_instance_at_its_bound_or_without_a_container_stays_as_it_is() -> None:
    two = scenes.with_instance(target(instances=2), "web-2", container=None)
    look = two_look(
        metrics=scenes.metrics(scraped(full_seconds=known(900.0)), scraped(full_seconds=known(900.0))),
        database=scenes.database(sessions(20, 0.0, "active"), total=40),
    )

    assert resized(decide(look, subject=two)).sizes == {"web-1": 40}


@pytest.mark.parametrize(
    ("look", "subject", "rules", "words"),
    [
        (undersized_look(), target(), policy(options={"restart": "alone"}), "the policy never allows it"),
        (undersized_look(), NO_RELOAD, policy(), "does not say how the application takes a new size"),
        (
            undersized_look(containers=scenes.containers(scenes.container(), barred={"resize": NO_PAGE})),
            target(),
            policy(),
            f"Resize: {NO_PAGE}.",
        ),
        (undersized_look(containers=GONE), target(), policy(), "web-1: no running container"),
        (
            undersized_look(containers=scenes.containers(GONE)),
            target(),
            policy(),
            "web-1: no running container",
        ),
        (
            undersized_look(database=scenes.database(sessions(20, 0.0, "active"), max_connections=28)),
            target(),
            policy(),
            (
                "no free slots: max_connections 28, reserved 3, others 5, left for us 20, "
                "our pools may open 20."
            ),
        ),
        (
            undersized_look(database=scenes.database(sessions(20, 0.0, "active"), max_connections=60)),
            target(surge=3.0),
            policy(),
            "our pools may open 20 (times 3 while deploying).",
        ),
        (
            undersized_look(
                application=scenes.application(page(pool(40, 40, waiters=1))),
                database=scenes.database(sessions(20, 0.0, "active"), total=40),
            ),
            target(),
            policy(),
            "web-1 has 40 already, and the policy allows at most 2 times the configured size",
        ),
    ],
    ids=["never", "no reload", "barred", "no runtime", "no container", "no slots", "surge", "at its bound"],
)
def test_where_no_pool_can_grow_people_are_told_why(
    look: Evidence, subject: Target, rules: Policy, words: str
) -> None:
    decided = decide(look, subject=subject, rules=rules)

    assert isinstance(decided.step, HandOver)
    assert decided.step.reason.startswith("the pool is too small for the usual work")
    (reason,) = decided.left_out
    assert words in reason


@pytest.mark.parametrize(
    ("attempt", "again"),
    [
        (tried(RESIZE, helped=False), False),
        (tried(RESIZE, helped=None), True),
        (tried(RESIZE, helped=True), True),
        (tried(RESIZE, OutcomeStatus.UNKNOWN), True),
        (tried(RESIZE, OutcomeStatus.NOTHING), True),
        (tried(RESIZE, OutcomeStatus.FAILED), False),
        (tried(RESIZE, OutcomeStatus.REFUSED, None), False),
    ],
)
def test_a_resize_that_did_not_help_or_was_refused_is_not_repeated(attempt: Attempt, again: bool) -> None:
    assert isinstance(decide(undersized_look(), attempt).step, Proposal) is again


@pytest.mark.parametrize(
    ("cores", "others", "size"),
    [(30, {}, 40), (20, {}, 40), (18, {}, 36), (18, {"running": 4, "Lock": 2}, 30), (11, {"IO": 1}, 21)],
)
def test_a_resize_keeps_what_is_at_work_below_twice_the_server_s_processors(
    cores: int, others: dict[str, int], size: int
) -> None:
    subject = scenes.with_database(target(), cores=cores)
    look = undersized_look(database=scenes.database(sessions(20, 0.0, "active"), pressure=pressed(others)))

    proposal = proposed(decide(look, subject=subject))

    assert resized(decide(look, subject=subject)).sizes == {"web-1": size}
    assert proposal.effect.endswith(
        f"our pools may open 20; and processors: {2 * cores} statements at work at once for {cores} "
        f"processors, others have {sum(others.values())} at work now, our pools may open 20."
    )
    assert "not known" not in proposal.risk


def test_the_pools_of_all_instances_share_the_processors() -> None:
    two = scenes.with_database(target(instances=2), cores=27)
    full = scraped(full_seconds=known(900.0))
    look = two_look(
        metrics=scenes.metrics(full, full),
        database=scenes.database(sessions(20, 0.0, "active"), total=40, pressure=pressed({"IO": 3})),
    )

    assert resized(decide(look, subject=two)).sizes == {"web-1": 25, "web-2": 25}


@pytest.mark.parametrize(
    ("cores", "others", "told"),
    [
        (
            10,
            {},
            (
                "20 statements at work at once for 10 processors, others have 0 at work now, our pools may "
                "open 20."
            ),
        ),
        (2, {}, "4 statements at work at once for 2 processors"),
        (13, {"IO": 6}, "others have 6 at work now"),
        (40, None, "what others have at work could not be read"),
    ],
)
def test_a_size_that_the_processors_cannot_serve_is_left_out_with_the_numbers(
    cores: int, others: dict[str, int] | None, told: str
) -> None:
    subject = scenes.with_database(target(), cores=cores)
    look = undersized_look(database=scenes.database(sessions(20, 0.0, "active"), pressure=pressed(others)))

    decided = decide(look, subject=subject)

    assert isinstance(decided.step, HandOver)
    (reason,) = decided.left_out
    assert reason.startswith("Resize: no free processors: ")
    assert told in reason


def test_without_slots_the_processors_are_not_the_reason() -> None:
    subject = scenes.with_database(target(), cores=4)
    look = undersized_look(
        database=scenes.database(sessions(20, 0.0, "active"), max_connections=28, pressure=pressed({}))
    )

    (reason,) = decide(look, subject=subject).left_out

    assert reason.startswith("Resize: no free slots: ")


def test_whoever_is_asked_hears_that_the_processors_are_not_known() -> None:
    assert RESIZE.risk.endswith(
        "How many processors the server has is not known (database.cores), so whether they can serve more at "
        "once was not looked at."
    )


def test_nothing_is_resized_while_pools_are_not_counted() -> None:
    full = pool(waiters=4)
    stranger = scenes.metrics(scraped(full, full_seconds=known(420.0)), unexpected=("web-3",))

    decided = decide(undersized_look(metrics=stranger))

    assert isinstance(decided.step, HandOver)
    assert "Resize: not in the configuration, though in the metrics: web-3." in decided.left_out
