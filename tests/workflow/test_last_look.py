"""A pool that got free between the guards and the act needs no act any more."""

from datetime import datetime

from tests.fakes import cases, changes
from tests.workflow.conftest import OpenStage
from workflows.models.outcome import OutcomeStatus
from workflows.models.report import Ending

RESTARTED = cases.policy(options={"restart": "alone", "terminate": "never"})


async def test_it_is_not_restarted_and_is_verified_as_free(open_stage: OpenStage) -> None:
    stage = await open_stage()
    world, name = stage.world, stage.target.instances[0].name
    world.leak(10, world.after(minutes=-2))

    def everything_is_given_back(at: datetime) -> None:
        world.happens(changes.change_app(name, leaked=()), at)

    world.script.before("restart_container", 1, everything_is_given_back)
    summary = await (await stage.incident(RESTARTED, skips=True)).finish()

    (attempt,) = world.reports[-1][1].attempts
    assert attempt.outcome.status is OutcomeStatus.NOTHING
    assert "2 of 10 connections checked out (20.0 %)" in attempt.outcome.detail
    assert world.acts == []
    assert world.reports[-1][1].seconds.alert_to_first_action is None
    assert summary.outcome is Ending.RECOVERED_BY_ITSELF


async def test_one_that_falls_silent_in_between_is_restarted_and_that_is_told(open_stage: OpenStage) -> None:
    stage = await open_stage()
    world, name = stage.world, stage.target.instances[0].name
    world.leak(10, world.after(minutes=-2))

    def it_answers_nobody(at: datetime) -> None:
        world.happens(changes.blind(f"application/{name}"), at)

    def it_is_up_again(at: datetime) -> None:
        world.happens(changes.see(f"application/{name}"), at)

    world.script.before("restart_container", 1, it_answers_nobody)
    world.script.after("restart_container", 1, it_is_up_again)
    await (await stage.incident(RESTARTED, skips=True)).finish()

    (attempt,) = world.reports[-1][1].attempts
    assert attempt.outcome.status is OutcomeStatus.DONE
    assert "could not be looked at once more" in attempt.outcome.detail
    assert world.kinds() == ["restart"]
