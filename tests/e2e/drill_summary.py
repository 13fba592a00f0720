"""The summary of a drill as the demo writes it, and what every undisturbed drill says alike in it."""

import json
from pathlib import Path
from typing import Any

from deploy.demo import health, incident, summary
from tests.e2e.drill_stand import EVER, Ended

FIELDS = {
    "scenario": ..., "target": ..., "workflow_id": ..., "run_id": ..., "outcome": ...,
    "causes": [{"cause": ..., "confidence": ..., "reasons": [...]}],
    "actions": [{"option": ..., "at": ..., "touched": [...], "decided_by": ...}],
    "escalations": [{"level": ..., "reason": ..., "at": ...}],
    "seconds": dict.fromkeys(
        ("fault_to_alert", "alert_to_first_action", "alert_to_healthy", "alert_to_verified"), ...
    ),
    "history_events": ..., "billable_actions": ..., "report": ...,
}  # fmt: skip


async def read_summary(ended: Ended, folder: Path) -> dict[str, Any]:
    """As the demo writes it; what every undisturbed drill says alike is judged here."""
    file = folder / "summary.json"
    summary.write(summary.summarise(ended.drill), file)
    written: dict[str, Any] = json.loads(file.read_text())
    stage, took = ended.drill.stage, written["seconds"]
    run = await incident.describe(stage.client, stage.workflow_id, EVER)
    assert run is not None
    assert shape(written) == FIELDS
    assert (written["workflow_id"], written["run_id"]) == (run.id, run.run_id)
    assert (written["scenario"], written["target"]) == (ended.drill.scenario.name, "covetpy-app")
    assert written["outcome"] == "recovered"
    assert written["history_events"] == run.history_length
    assert 0 < written["billable_actions"] < written["history_events"]
    assert {each["level"] for each in written["escalations"]} == {"L1"}
    assert 0 < took["alert_to_first_action"] < health.seconds_to_act(ended.drill)
    assert took["alert_to_first_action"] < took["alert_to_healthy"] < took["alert_to_verified"]
    assert written["report"]
    return written


def shape(value: object) -> object:
    """The fields alone; of a list what its parts have in common."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        shapes = [shape(part) for part in value]
        assert all(each == shapes[0] for each in shapes)
        return shapes[:1]
    return ...
