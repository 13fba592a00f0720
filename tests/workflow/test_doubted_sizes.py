"""A resize that failed or was lost: what would take it back finds out whether there is anything to."""

from datetime import datetime

import pytest

from tests.fakes import cases, changes
from tests.workflow.conftest import OpenStage
from tests.workflow.database_stage import database, ledger, noted
from tests.workflow.stage import RunningIncident, Stage, fresh_name
from workflows.models.change import ChangeEnding, ChangeSummary
from workflows.models.outcome import OutcomeStatus
from workflows.models.policy import Policy

LEASE = {"minutes": 4, "seconds": 12}
"""Of an act that was lost, and a little more."""
NEEDS_ITS_SIZE = {"pool_size": 8, "rate": 100.0, "with_permits": True}
QUIET = 40.0


@pytest.fixture
def server() -> str:
    """A database server of this test alone: its workflow has a clock that nobody skips."""
    return fresh_name()


@pytest.fixture
async def stage(open_stage: OpenStage, server: str) -> Stage:
    return await open_stage(**NEEDS_ITS_SIZE, database=database(server))


async def tried(
    stage: Stage, status: OutcomeStatus = OutcomeStatus.UNKNOWN, rules: Policy | None = None
) -> RunningIncident:
    """An incident whose resize was approved, with this outcome."""
    incident = await stage.incident(rules)
    await incident.decide((await incident.asked()).id, "ada")
    (attempt,) = (await incident.until(lambda report: report.attempts)).attempts
    assert attempt.outcome.status is status
    return incident


async def approved_again(incident: RunningIncident, number: int = 2) -> None:
    report = await incident.until(lambda report: len(report.requests) == number)
    await incident.decide(report.requests[-1].id, "grace")


def sizes(stage: Stage) -> list[int | None]:
    return [act.size for act in stage.world.acts]


async def found_out(stage: Stage) -> ChangeSummary:
    """By its look once the act is over, not at the end of its time."""
    await stage.change.step(**LEASE)
    assert await stage.change.is_over()
    return await stage.reverted()


async def promised(stage: Stage) -> int:
    return len((await ledger(stage)).promises)


async def test_a_resize_lost_without_effect_is_done_when_it_is_approved_again(stage: Stage) -> None:
    """The approval waits until it is known that the first one changed nothing."""
    stage.world.script.fail("resize_pool", times=1)
    incident = await tried(stage)
    await approved_again(incident)
    await incident.until(noted("an earlier resize whose outcome is not certain is looked at first"))

    await stage.change.step(minutes=4)
    assert not await stage.change.is_over()
    assert (sizes(stage), await promised(stage)) == ([], 1)

    await stage.change.step(seconds=12)
    report = await incident.until(lambda report: len(report.attempts) == 2)
    assert report.attempts[-1].outcome.status is OutcomeStatus.DONE
    assert sizes(stage) == [16]
    assert len(report.requests) == 2
    assert not noted("not done")(report)
    assert await promised(stage) == 1
    stage.world.happens(changes.change_traffic(rate=QUIET), stage.world.after(hours=3))
    assert (await stage.reverted()).ending is ChangeEnding.REVERTED
    assert sizes(stage) == [16, 8]


async def test_while_it_is_awaited_a_pool_that_gets_free_is_seen_and_left_alone(stage: Stage) -> None:
    world = stage.world
    world.script.fail("resize_pool", times=1)
    rules = cases.policy(pace={"relook": "1s"}, clear_window={"length": "4s", "step": "1s"})
    incident = await tried(stage, rules=rules)
    await approved_again(incident)
    await incident.until(noted("an earlier resize whose outcome is not certain is looked at first"))
    looks = world.script.calls["read_application"]
    await incident.until(lambda _report: world.script.calls["read_application"] > looks + 2)
    assert (await incident.state()).seconds.alert_to_healthy is None

    world.happens(changes.change_traffic(rate=QUIET), world.now())
    seen = await incident.until(lambda report: report.seconds.alert_to_healthy is not None)

    assert not noted("not done")(seen)
    await incident.until(noted("not done"))
    assert not await stage.change.is_over()
    assert sizes(stage) == []


async def test_a_lost_resize_that_took_effect_stays_for_its_time(stage: Stage) -> None:
    stage.world.happens(changes.change_traffic(rate=QUIET), stage.world.after(hours=3))
    stage.world.script.lose("resize_pool")
    await tried(stage)

    await stage.change.step(hours=3, minutes=50)
    assert sizes(stage) == [16]
    assert (await stage.change.is_over(), await promised(stage)) == (False, 1)
    assert stage.world.paged("L2") == []

    assert (await stage.reverted()).ending is ChangeEnding.REVERTED
    assert sizes(stage) == [16, 8]
    assert await promised(stage) == 0


async def test_slots_of_a_resize_that_failed_are_given_to_another_target(
    open_stage: OpenStage, server: str
) -> None:
    """Each alone fits into what the server has left, both together do not."""
    with_server = {"database": database(server) | {"others": 79}}
    first, second = [await open_stage(**NEEDS_ITS_SIZE, **with_server) for _ in range(2)]
    first.world.happens(changes.change_app(f"{first.target.name}-1", reloads=False), first.world.began)
    await tried(first, OutcomeStatus.FAILED)
    calls = first.world.script.calls["resize_pool"]
    incident = await second.incident()
    await incident.decide((await incident.asked()).id, "ada")
    await incident.until(noted("the server's free slots are promised"))

    assert (await found_out(first)).ending is ChangeEnding.GONE
    assert first.world.script.calls["resize_pool"] == calls
    await incident.step(seconds=5)
    await approved_again(incident)
    await incident.until(lambda report: report.attempts)
    assert second.world.kinds() == ["resize"]


async def test_what_a_lost_resize_left_in_a_file_is_taken_back(stage: Stage) -> None:
    """The worker died before it told anybody to read it; the next restart would."""

    def write(at: datetime) -> None:
        stage.world.happens(changes.ask_for(f"{stage.target.name}-1", 16), at)

    stage.world.script.before("resize_pool", 1, write)
    stage.world.script.fail("resize_pool", times=1)
    await tried(stage)

    assert (await found_out(stage)).ending is ChangeEnding.GONE
    assert sizes(stage) == [8]
    assert await promised(stage) == 0


async def test_a_size_that_a_person_set_meanwhile_is_left_alone(stage: Stage) -> None:
    stage.world.script.fail("resize_pool", times=1)
    await tried(stage)
    stage.world.happens(changes.resize(f"{stage.target.name}-1", 12), stage.world.after(minutes=1))

    assert (await found_out(stage)).ending is ChangeEnding.GONE
    assert sizes(stage) == []


async def test_a_person_who_ends_it_at_once_is_heard_when_the_lost_act_is_over(stage: Stage) -> None:
    """It may take effect yet: what is looked at before that is not the end of it."""
    stage.world.script.fail("resize_pool", times=1)
    stage.world.happens(changes.resize(f"{stage.target.name}-1", 16), stage.world.after(minutes=3))
    await tried(stage)
    await stage.change.signal("end", {"by": "grace"})
    await stage.change.step(minutes=2)
    assert not await stage.change.is_over()

    await stage.change.step(minutes=2, seconds=12)
    assert await stage.change.is_over()
    change = await stage.reverted()
    assert (change.ending, change.by) == (ChangeEnding.REVERTED, "grace")
    assert sizes(stage) == [8]


async def test_while_an_instance_does_not_answer_its_slots_stay_promised(stage: Stage) -> None:
    stage.world.script.fail("resize_pool", times=1)
    await tried(stage)
    stage.world.happens(changes.blind("application"), stage.world.after(minutes=3))
    stage.world.happens(changes.see("application"), stage.world.after(minutes=20))

    await stage.change.step(minutes=15)
    assert (await stage.change.is_over(), await promised(stage)) == (False, 1)
    assert len([page for page in stage.world.paged("L1") if "is not known yet" in page.title]) == 1
    await stage.change.step(minutes=8)
    assert (await stage.change.is_over(), await promised(stage)) == (True, 0)


async def test_while_the_files_cannot_be_read_a_person_is_asked(stage: Stage) -> None:
    stage.world.script.fail("resize_pool")
    incident = await tried(stage)
    await incident.handle.terminate("this is of what it left")

    await stage.change.step(minutes=30)
    assert (await stage.change.is_over(), await promised(stage)) == (False, 1)
    (told,) = [page for page in stage.world.paged("L2") if "in a file" in page.title]
    assert "Look at the file, then end it by signal." in told.body

    await stage.change.signal("end", {"by": "grace"})
    await stage.change.step(minutes=5)
    assert (await stage.change.is_over(), await promised(stage)) == (True, 0)


@pytest.mark.parametrize("payloads", [(), (None,), (7,), ({"until": "soon"},), (1, 2)])
async def test_a_doubt_that_cannot_be_read_is_none(stage: Stage, payloads: tuple[object, ...]) -> None:
    stage.world.happens(changes.change_traffic(rate=QUIET), stage.world.after(hours=3))
    await tried(stage, OutcomeStatus.DONE)
    await stage.change.signal("doubt", *payloads)
    assert (await stage.reverted()).ending is ChangeEnding.REVERTED
    assert stage.world.acts[-1].at >= stage.world.after(hours=4)
