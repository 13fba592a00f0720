"""Sessions that outlive the restart of their application are told, and nobody ends them."""

from datetime import datetime

from tests.fakes import cases, changes
from tests.fakes.state import Backend
from tests.workflow.conftest import OpenStage
from tests.workflow.stage import Stage
from workflows.models.outcome import OutcomeStatus
from workflows.models.report import Ending

RESTARTED = cases.policy(options={"restart": "alone", "terminate": "never"})


def joins(stage: Stage, at: datetime) -> None:
    """One session of the application's own, older by the server's clock than any restart here."""
    world, own = stage.world, stage.target.database
    backend = Backend(
        pid=4711,
        backend_start=world.began,
        state="active",
        state_change=world.began,
        xact_start=world.began,
        usename=own.role,
        datname=own.dbname,
        application_name=own.application_names[0],
    )
    world.happens(changes.join(backend), at)


async def test_they_are_told_with_their_pids_and_left_alone(open_stage: OpenStage) -> None:
    stage = await open_stage()
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    joins(stage, world.after(minutes=-2))
    summary = await (await stage.incident(RESTARTED, skips=True)).finish()

    (attempt,) = world.reports[-1][1].attempts
    assert attempt.outcome.status is OutcomeStatus.DONE
    assert "1 own session was there before the restart of orders" in attempt.outcome.detail
    assert "pids 4711" in attempt.outcome.detail
    assert world.kinds() == ["restart"]
    assert summary.outcome is Ending.RECOVERED


async def test_nothing_is_said_where_none_did(open_stage: OpenStage) -> None:
    stage = await open_stage()
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    await (await stage.incident(RESTARTED, skips=True)).finish()

    (attempt,) = world.reports[-1][1].attempts
    assert attempt.outcome.detail == "healthy after 1.3 s"


async def test_one_of_the_new_process_is_not_named_where_the_clock_of_the_server_is_behind(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage()
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.after("restart_container", 1, lambda at: joins(stage, at))
    await (await stage.incident(RESTARTED, skips=True)).finish()

    (attempt,) = world.reports[-1][1].attempts
    assert attempt.outcome.detail == "healthy after 1.3 s"
