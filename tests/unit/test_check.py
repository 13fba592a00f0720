"""`poolmedic check` says what would be unavailable, and which of it matters."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.fakes import cases, changes, ports
from tests.fakes.database import FakeDatabase
from tests.fakes.indexes import FakeIndexes
from tests.fakes.world import World
from tests.unit import scenes
from tests.unit.configurations import raw, read
from worker.check import check_targets, unavailable
from worker.check_servers import check_servers
from worker.config import Configuration
from worker.findings import Finding, Weight, findings_table
from worker.terminal import console
from worker.wiring import Ports
from workflows.models.evidence import ContainersReading, ContainerState
from workflows.models.reading import Known, Unavailable


@pytest.fixture
def world() -> World:
    return World(cases.target("orders", instances=2))


def configured(world: World, **rules: Any) -> Configuration:
    """The world's target in mode auto."""
    target = world.target.model_dump(mode="json") | {"profile": "covetpy"}
    for level in ("l1", "l2", "l3"):
        target["routes"][level] = ["oncall"]
    return read(raw() | {"targets": [target], "policies": {"default": _AUTO | rules}})


def everything(world: World) -> Ports:
    """Every port, as a fake that reads the world."""
    return Ports(
        metrics=cast("Any", ports.FakeMetrics(world)),
        application=ports.FakeApplication(world),
        database=cast("Any", FakeDatabase(world)),
        indexes=cast("Any", FakeIndexes(world)),
        containers=cast("Any", ports.FakeContainers(world)),
        alerts=ports.FakeAlerts(world),
        notifications=ports.FakeNotifications(world),
        reports=ports.FakeReports(world),
    )


async def check(world: World, **rules: Any) -> dict[str, Finding]:
    found = await check_targets(configured(world, **rules), everything(world))
    return {finding.where: finding for finding in found}


_AUTO = {"mode": "auto", "approval": {"approvers": ["ada"]}}


async def test_a_healthy_target_has_nothing_to_tell(world: World) -> None:
    found = await check(world)
    assert {one.weight for one in found.values()} <= {Weight.OK, Weight.NOTE}
    assert {"orders application", "orders containers", "orders silences"} <= found.keys()


async def test_a_source_that_fails_is_a_problem_and_does_not_hide_the_others(world: World) -> None:
    world.happens(changes.blind("database", "connection refused"))
    found = await check(world)
    assert found["orders database"].weight is Weight.PROBLEM
    assert "connection refused" in found["orders database"].told
    assert found["orders containers"].weight is Weight.OK


async def test_a_role_whose_sessions_may_not_be_ended_is_a_problem_with_its_remedy(world: World) -> None:
    world.happens(changes.change_rights(can_terminate=False))
    found = (await check(world))["orders database"]
    assert found.weight is Weight.PROBLEM
    assert f"may not be called for {world.target.database.role}" in found.told
    assert "list the role in poolmedic.application_role" in found.told


async def test_statements_that_may_not_be_cancelled_are_a_problem_where_the_policy_wants_it(
    world: World,
) -> None:
    world.happens(changes.change_rights(can_cancel=False))
    found = (await check(world))["orders database"]
    assert found.weight is Weight.PROBLEM
    assert "no statement can be cancelled: poolmedic.cancel_query may not be called" in found.told
    assert "no session can be ended" not in found.told


def two_targets(world: World, name: str) -> Configuration:
    """Of which the second names its database so."""
    first = configured(world).targets[0].model_dump(mode="json")
    database = first["database"] | {"name": name, "application_names": ["other"]}
    instances = [each | {"url": f"{each['url']}x", "container": None} for each in first["instances"]]
    changed = {"name": "other", "matchers": {"service": "other"}}
    other = first | changed | {"database": database, "instances": instances}
    return read(raw() | {"targets": [first, other], "policies": {"default": _AUTO}})


async def test_one_server_under_two_names_is_a_problem_with_its_remedy(world: World) -> None:
    """Each name has permits and a pause of its own."""
    findings = await check_targets(two_targets(world, "second"), everything(world))
    (found,) = [each for each in findings if each.where == "database second"]
    assert found.weight is Weight.PROBLEM
    assert "is the same server as main" in found.told
    assert "write `database.name: main` where it says second" in found.told
    assert "`poolmedic pause --all` first, or wait until no incident is open" in found.told
    same = await check_targets(two_targets(world, "main"), everything(world))
    assert not [each for each in same if each.where.startswith("database ")]


def test_a_standby_is_another_server_than_its_primary_though_it_has_its_identifier() -> None:
    primary = scenes.database([]).value.server
    standby = primary.model_copy(update={"in_recovery": True, "started_at": scenes.NOW})
    unread = primary.model_copy(update={"system_identifier": None})
    assert not list(check_servers([("a", primary), ("b", standby), ("c", unread), ("d", unread)]))
    assert [each.where for each in check_servers([("a", primary), ("b", primary), ("b", primary)])] == [
        "database b"
    ]


async def test_the_very_right_that_is_gone_is_named(world: World) -> None:
    gone = ("poolmedic_configurer lacks CREATEROLE", "poolmedic_definer lacks pg_signal_backend")
    world.happens(changes.change_rights(can_terminate=False, can_set_timeout=False, lacking=gone))
    found = await check(world)
    for where in ("orders database", "orders database timeout"):
        assert all(each in found[where].told for each in gone)


async def test_a_timeout_that_cannot_be_set_is_a_note_with_the_remedy(world: World) -> None:
    assert "orders database timeout" not in await check(world)
    world.happens(changes.change_rights(can_set_timeout=False))
    found = (await check(world))["orders database timeout"]
    assert found.weight is Weight.NOTE
    assert "session_timeout.sql" in found.told


async def test_the_login_of_a_superuser_is_noted(world: World) -> None:
    assert "orders database login" not in await check(world)
    world.happens(changes.change_rights(is_superuser=True))
    found = (await check(world))["orders database login"]
    assert found.weight is Weight.NOTE
    assert world.target.database.dsn in found.told
    assert "poolmedic.sql" in found.told


async def test_on_an_older_server_no_script_is_advised_that_it_refuses(world: World) -> None:
    world.happens(changes.change_reserve(slots=None, is_ours=False))
    world.happens(changes.change_rights(can_set_timeout=False))
    found = (await check(world))["orders database timeout"]
    assert found.weight is Weight.NOTE
    assert "needs PostgreSQL 16" in found.told
    assert "session_timeout.sql" not in found.told


@pytest.mark.parametrize(("step", "is_told"), [("3s", True), ("4s", False), ("15s", False)])
async def test_scrapes_that_no_window_can_be_judged_by_are_noted(
    world: World, step: str, is_told: bool
) -> None:
    found = await check(world, clear_window={"length": "60s", "step": step})
    assert ("orders metrics scrapes" in found) is is_told
    if is_told:
        assert found["orders metrics scrapes"].weight is Weight.NOTE
        assert "every 5.0 s" in found["orders metrics scrapes"].told
        assert "raise clear_window.step to 5s" in found["orders metrics scrapes"].told


@pytest.mark.parametrize(
    ("slots", "is_ours", "remedy"),
    [
        (0, True, "reserved_connections is 0; set it to 2 or more"),
        (3, False, "lacks pg_use_reserved_connections; apply the SQL of deploy/postgres"),
        (None, False, "before version 16"),
    ],
)
async def test_no_way_in_when_every_slot_is_taken_is_noted_with_its_remedy(
    world: World, slots: int | None, is_ours: bool, remedy: str
) -> None:
    world.happens(changes.change_reserve(slots=slots, is_ours=is_ours))
    found = (await check(world))["orders database slots"]
    assert found.weight is Weight.NOTE
    assert found.told.startswith("poolmedic cannot get in when every slot is taken")
    assert remedy in found.told


async def test_a_reserved_slot_that_we_may_take_is_not_worth_a_note(world: World) -> None:
    assert "orders database slots" not in await check(world)


async def test_a_selector_that_matches_nothing_is_named(world: World) -> None:
    for instance in world.target.instances:
        world.happens(changes.blind(f"metrics/{instance.name}"), world.began)
    found = await check(world)
    assert found["orders metrics"].weight is Weight.PROBLEM
    assert "service=orders" in found["orders metrics"].told
    assert "`selector`" in found["orders metrics"].told


async def test_one_instance_that_prometheus_does_not_see_is_not_the_selector(world: World) -> None:
    world.happens(changes.blind("metrics/orders-1"), world.began)
    found = await check(world)
    assert "orders metrics instances.orders-1" in found
    assert "orders metrics" not in found


async def test_a_pool_of_another_size_than_configured_is_told(world: World) -> None:
    world.happens(changes.change_app("orders-2", size=7))
    found = await check(world)
    assert found["orders application orders-2"].weight is Weight.NOTE
    assert "7 connections at most, and `pool_size` says 10" in found["orders application orders-2"].told
    assert "orders application orders-1" not in found


def test_what_is_unavailable_is_found_wherever_it_is() -> None:
    gone: dict[str, Known[ContainerState] | Unavailable] = {
        "a": Unavailable(reason="no container"),
        "b": Unavailable(reason="x"),
    }
    reading = Known(value=ContainersReading(instances=gone), at=datetime.now(UTC))
    assert list(unavailable(reading)) == [(("instances", "a"), "no container"), (("instances", "b"), "x")]


def test_the_table_shows_text_as_text() -> None:
    screen = console()
    with screen.capture() as capture:
        screen.print(findings_table([Finding("x", Weight.PROBLEM, "[red]\x1b[2J")]))
    assert r"[red]\x1b[2J" in capture.get()
