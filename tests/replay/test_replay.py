"""Recorded incidents replay: an upgrade does not break those that are open."""

import base64
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.recording import FOLDER, RECORDED
from workflows.incident import Incident
from workflows.payloads import converter
from workflows.sandbox import runner
from workflows.temporary_change import TemporaryChange

HISTORIES = sorted(FOLDER.glob("*.json"))


def load(path: Path) -> WorkflowHistory:
    content = json.loads(path.read_text())
    return WorkflowHistory.from_json(content.pop("workflowId"), content)


def replayer() -> Replayer:
    return Replayer(
        workflows=[Incident, TemporaryChange],
        workflow_runner=runner(),
        data_converter=converter,
    )


def test_every_kind_of_run_is_recorded() -> None:
    recorded = {path.name for path in HISTORIES}
    assert {f"{name}.pool.json" for name in RECORDED.values()} <= recorded
    assert {"undersized.temporary.json", "extended.temporary.json"} <= recorded


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_it_replays(path: Path) -> None:
    await replayer().replay_workflow(load(path))


@pytest.mark.parametrize(
    ("recorded", "other"), [("read_silence", "read_metrics"), ("terminate_sessions", "restart_container")]
)
async def test_the_replayer_can_fail(recorded: str, other: str) -> None:
    text = (FOLDER / "leak.pool.json").read_text()
    path_not_taken = json.loads(text.replace(f'"{recorded}"', f'"{other}"'))
    assert json.dumps(path_not_taken) != json.dumps(json.loads(text))
    history = WorkflowHistory.from_json(path_not_taken.pop("workflowId"), path_not_taken)
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(history)


@pytest.mark.parametrize(
    "given", [{"routes": {"ada": ["ada"], "grace": ["grace"]}}, {"people": 2}], ids=["routes", "people"]
)
async def test_a_run_that_began_before_asks_approvers_as_it_did_then(given: dict[str, object]) -> None:
    """A worker of before ignored what a webhook of today had given to the run."""
    history = json.loads((FOLDER / "undersized.pool.json").read_text())
    (payload,) = history["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"]
    case = json.loads(base64.b64decode(payload["data"]))
    case["policy"]["approval"] |= given
    payload["data"] = base64.b64encode(json.dumps(case).encode()).decode()
    await replayer().replay_workflow(WorkflowHistory.from_json(history.pop("workflowId"), history))


async def test_a_change_that_a_worker_of_before_was_told_a_doubt_of_reverts_as_it_did_then() -> None:
    """That one passed the signal over."""
    history = json.loads((FOLDER / "undersized.temporary.json").read_text())
    history["events"][6] = {
        "eventId": "7",
        "eventTime": history["events"][7]["eventTime"],
        "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED",
        "workflowExecutionSignaledEventAttributes": {
            "signalName": "doubt",
            "input": {"payloads": [_json({"until": "2026-11-24T02:00:00Z", "is_told": True})]},
        },
    }
    await replayer().replay_workflow(WorkflowHistory.from_json(history.pop("workflowId"), history))


def _json(value: object) -> dict[str, object]:
    data = base64.b64encode(json.dumps(value).encode()).decode()
    return {"metadata": {"encoding": base64.b64encode(b"json/plain").decode()}, "data": data}
