"""An incident that stays open for days: its history has an end, so it looks less and less often."""

import pytest
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.fakes import changes
from tests.workflow.conftest import OpenStage
from workflows import patience
from workflows.models.report import Ending
from workflows.sandbox import runner

DAY = 24 * 60


async def test_what_nobody_answers_for_days_is_asked_less_often_and_news_are_heard_at_once(
    open_stage: OpenStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "MANY_EVENTS", -(10**6))
    restrictions = runner().restrictions.with_passthrough_modules("workflows.patience")
    stage = await open_stage(
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions), pool_size=8, rate=100.0
    )
    incident = await stage.incident()
    await incident.step(minutes=DAY)
    assert 4 <= len((await incident.state()).requests) <= 7

    stage.world.happens(changes.change_traffic(rate=60.0, hold=0.05))
    await incident.resolve()
    await incident.step(minutes=15)
    assert (await incident.state()).outcome is Ending.HANDED_OVER
