"""`poolmedic check` says beforehand, per option, what every plan would leave out, and why."""

from typing import Any

import pytest

from tests.fakes import cases, changes
from tests.fakes.world import World
from tests.unit.test_check import configured, everything
from worker.check import check_targets
from worker.findings import Finding, Weight
from workflows.models.policy import Option

NO_PAGE = "profile shop names no pool page: a new size could not be checked"
REFUSED = "a proxy before the engine does not let through POST /containers/{id}/restart"


async def check(world: World, **rules: Any) -> dict[str, Finding]:
    found = await check_targets(configured(world, **rules), everything(world))
    return {finding.where: finding for finding in found}


def left_out(found: dict[str, Finding]) -> dict[str, str]:
    """By option, of notes alone."""
    start = "orders options "
    told = {where.removeprefix(start): each for where, each in found.items() if where.startswith(start)}
    assert {each.weight for each in told.values()} <= {Weight.NOTE}
    return {option: each.told for option, each in told.items()}


def with_all(**changes: Any) -> World:
    """One that lacks nothing, but for these changes."""
    database = cases.target().database.model_copy(update={"index_dsn": "ORDERS_INDEX_DSN"})
    return World(cases.target(instances=2, **{"database": database, **changes}))


async def test_what_can_be_done_is_told_in_one_line() -> None:
    found = await check(with_all())
    assert left_out(found) == {}
    assert found["orders options"].weight is Weight.OK
    assert found["orders options"].told == (
        "can be done: terminate, cancel, restart, resize, session-timeout, index"
    )


async def test_what_the_policy_never_does_is_not_told() -> None:
    found = await check(with_all(reload=None), options={"terminate": "alone", "resize": "never"})
    assert left_out(found) == {}
    assert found["orders options"].told == "can be done: terminate"


async def test_a_size_that_no_application_is_told_to_take() -> None:
    found = await check(with_all(reload=None))
    assert left_out(found) == {
        "resize": (
            "left out of every plan: the configuration does not say how the application takes a new size "
            "(reload)"
        )
    }
    assert "resize" not in found["orders options"].told


async def test_what_containers_bar() -> None:
    world = with_all()
    world.happens(changes.bar({Option.RESIZE: NO_PAGE, Option.RESTART: REFUSED}))
    assert left_out(await check(world)) == {
        "restart": f"left out of every plan: {REFUSED}",
        "resize": f"left out of every plan: {NO_PAGE}",
    }


async def test_an_instance_that_has_no_container_is_no_problem_and_has_no_restart() -> None:
    world = with_all()
    first, second = world.target.instances
    world.target = world.target.model_copy(
        update={"instances": (first, second.model_copy(update={"container": None}))}
    )
    found = await check(world)
    assert found["orders containers"].weight is Weight.OK
    assert not [each for each in found.values() if each.weight is Weight.PROBLEM]
    assert left_out(found) == dict.fromkeys(
        ("restart", "resize"), "left out for orders-2: no container in the configuration"
    )


async def test_where_no_instance_has_a_container_none_is_restarted() -> None:
    world = with_all()
    bare = tuple(each.model_copy(update={"container": None}) for each in world.target.instances)
    world.target = world.target.model_copy(update={"instances": bare})
    found = await check(world)
    assert left_out(found) == dict.fromkeys(
        ("restart", "resize"), "left out of every plan: no instance has a container in the configuration"
    )
    assert found["orders containers"].weight is Weight.OK


async def test_a_container_that_is_configured_and_not_there_is_a_problem() -> None:
    world = with_all()
    world.happens(changes.blind("containers/orders-2", "the engine knows no such container"))
    found = await check(world)
    assert found["orders containers instances.orders-2"].weight is Weight.PROBLEM


async def test_behind_a_transaction_pooler_no_session_is_signalled() -> None:
    database = with_all().target.database.model_copy(update={"transaction_pooler": True})
    told = left_out(await check(with_all(database=database)))
    assert told == dict.fromkeys(
        ("terminate", "cancel", "session-timeout"),
        "left out of every plan: behind a transaction pooler a session belongs to nobody in particular",
    )


async def test_a_right_that_is_missing_is_told_once_with_its_remedy() -> None:
    world = with_all()
    world.happens(changes.change_rights(can_terminate=False))
    found = await check(world)
    assert left_out(found) == {}
    assert found["orders database"].weight is Weight.PROBLEM
    assert found["orders options"].told == "can be done: cancel, restart, resize, index"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("containers", "can be done: terminate, cancel, session-timeout, index"),
        ("database", "can be done: restart, resize"),
    ],
)
async def test_of_what_could_not_be_read_nothing_is_promised(source: str, told: str) -> None:
    world = with_all()
    world.happens(changes.blind(source, "no route to host"))
    found = await check(world)
    assert found[f"orders {source}"].weight is Weight.PROBLEM
    assert left_out(found) == {}
    assert found["orders options"].told == told
