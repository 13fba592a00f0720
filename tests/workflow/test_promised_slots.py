"""Slots of the server that are promised to one target, for as long as its larger pool stays."""

from datetime import timedelta

import pytest

from tests.fakes import cases, changes
from tests.workflow.conftest import OpenStage
from tests.workflow.database_stage import ORDER, database, denied, ledger, noted
from tests.workflow.stage import RunningIncident, Stage, fresh_name
from workflows.models.change import ChangeEnding


@pytest.fixture
def server() -> str:
    """A database server of this test alone: its workflow has a clock that nobody skips."""
    return fresh_name()


NEEDS_ITS_SIZE = {"pool_size": 8, "rate": 100.0}


async def enlarged(stage: Stage) -> RunningIncident:
    incident = await stage.incident()
    await incident.decide((await incident.asked()).id, "ada")
    return incident


async def test_slots_promised_to_one_target_are_not_given_to_another(
    open_stage: OpenStage, server: str
) -> None:
    """Each alone fits into what the server has left, both together do not."""
    with_server = {"with_permits": True, "database": database(server) | {"others": 79}}
    first, second = [await open_stage(**NEEDS_ITS_SIZE, **with_server) for _ in range(2)]
    await (await enlarged(first)).until(lambda report: report.attempts)
    (promised,) = (await ledger(first)).promises
    assert promised.target == first.target.name

    refused = await enlarged(second)
    await refused.until(
        noted(f"the server's free slots are promised: {promised.slots} to {first.target.name}")
    )
    assert second.world.kinds() == []


async def test_a_temporary_size_stays_while_acts_are_paused_and_its_slots_are_kept(
    open_stage: OpenStage, server: str
) -> None:
    stage = await open_stage(**NEEDS_ITS_SIZE, with_permits=True, database=database(server))
    stage.world.happens(changes.change_traffic(rate=40.0), stage.world.after(hours=3))
    await (await enlarged(stage)).until(lambda report: report.attempts)
    (before,) = (await ledger(stage)).promises
    await stage.databases.pause([server], ORDER)

    await stage.change.step(hours=4, minutes=1)

    assert stage.world.kinds() == ["resize"]
    (told,) = [page for page in stage.world.paged("L1") if "stays for now" in page.title]
    assert "a migration runs" in told.body
    (kept,) = (await ledger(stage)).promises
    assert (kept.slots, kept.until > before.until) == (before.slots, True)

    await stage.databases.resume([server], ORDER)
    assert (await stage.reverted()).ending is ChangeEnding.REVERTED
    assert (await ledger(stage)).promises == ()


async def test_a_size_that_a_person_keeps_has_its_slots_until_the_configuration_knows(
    open_stage: OpenStage, server: str
) -> None:
    """Connections that are not open yet are seen by nobody else's look."""
    stage = await open_stage(**NEEDS_ITS_SIZE, with_permits=True, database=database(server))
    await (await enlarged(stage)).until(lambda report: report.attempts)
    await stage.change.signal("extend", {"by": "ada"})
    await stage.change.step(hours=5)
    assert len((await ledger(stage)).promises) == 1
    await stage.change.signal("keep", {"by": "ada"})
    assert (await stage.reverted()).ending is ChangeEnding.KEPT
    (kept,) = (await ledger(stage)).promises
    assert kept.target == stage.target.name
    assert kept.until - stage.world.opened > timedelta(days=30)

    other = await open_stage(**NEEDS_ITS_SIZE, with_permits=True, database=database(server) | {"others": 79})
    refused = await enlarged(other)
    await refused.until(noted(f"promised: {kept.slots} to {stage.target.name}"))
    assert other.world.kinds() == []


async def test_a_resize_that_was_denied_can_be_done_when_asked_for_again(
    open_stage: OpenStage, server: str
) -> None:
    """Nothing stands in its way that would take back what never was."""
    stage = await open_stage(**NEEDS_ITS_SIZE, with_permits=True, database=database(server))
    await stage.databases.pause([server], ORDER)
    incident = await enlarged(stage)
    await denied(incident, "a migration runs")
    assert stage.world.kinds() == []

    await stage.databases.resume([server], ORDER)
    await incident.step(seconds=5)
    again = (await incident.until(lambda report: len(report.requests) > 1)).requests[-1]
    await incident.decide(again.id, "ada")

    await incident.until(lambda report: report.attempts)
    assert stage.world.kinds() == ["resize"]


async def test_a_temporary_size_stays_while_there_is_maintenance(open_stage: OpenStage, server: str) -> None:
    stage = await open_stage(**NEEDS_ITS_SIZE, database=database(server))
    stage.world.happens(changes.change_traffic(rate=40.0), stage.world.after(hours=3))
    begins, ends = stage.world.after(hours=3), stage.world.after(hours=6)
    rules = cases.policy(maintenance=[{"begins": begins.time(), "ends": ends.time()}])
    incident = await stage.incident(rules)
    await incident.decide((await incident.asked()).id, "ada")
    await incident.until(lambda report: report.attempts)

    await stage.change.step(hours=4, minutes=1)

    assert stage.world.kinds() == ["resize"]
    (told,) = [page for page in stage.world.paged("L1") if "stays for now" in page.title]
    assert "There is maintenance until" in told.body
    assert (await stage.reverted()).ending is ChangeEnding.REVERTED
    assert stage.world.acts[-1].at >= ends
