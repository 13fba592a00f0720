"""What a page asks of the person who reads it: for this cause, and as the pager's page has it."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit import scenes
from tests.unit.incidents import diagnosis
from tests.unit.test_diagnosis_degraded import SYNC_REP, held_up
from workflows import guidance
from workflows.guidance import INTERNAL, NEXT_STEPS, STANDBY, STORAGE, UNREAD, UNSEEN, next_steps
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence

RUNBOOK = (Path(__file__).resolve().parents[2] / "docs" / "on-call.md").read_text().replace("`", "")
IO: dict[str, Any] = {"wait_event_type": "IO", "wait_event": "DataFileRead"}
LOG: dict[str, Any] = {"wait_event_type": "LWLock", "wait_event": "WALWrite"}
BUFFER: dict[str, Any] = {"wait_event_type": "IPC", "wait_event": "BufferIO"}
LATCH: dict[str, Any] = {"wait_event_type": "LWLock", "wait_event": "LockManager"}


def asked(cause: Cause, evidence: Evidence | None = None, **changes: Any) -> str:
    """The first line; the second says where to look."""
    return next_steps(diagnosis(cause, **changes), evidence or scenes.evidence(), scenes.target())[0]


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_step_of_its_own(cause: Cause) -> None:
    told = asked(cause)
    assert told == f"Do next: {NEXT_STEPS[cause]}".replace("TARGET", "shop")
    assert len(told) < 600
    assert list(NEXT_STEPS.values()).count(NEXT_STEPS[cause]) == 1


@pytest.mark.parametrize("step", [*NEXT_STEPS.values(), STANDBY, STORAGE, INTERNAL, UNREAD, UNSEEN])
def test_the_pager_s_page_has_the_same_words(step: str) -> None:
    assert f"| {step} |" in RUNBOOK


@pytest.mark.parametrize(
    ("wait", "step"),
    [(SYNC_REP, STANDBY), (IO, STORAGE), (LOG, STORAGE), (BUFFER, STORAGE), (LATCH, INTERNAL)],
)
def test_a_slow_database_is_healed_where_its_sessions_wait(wait: dict[str, Any], step: str) -> None:
    assert asked(Cause.DEGRADED, held_up(11, wait=wait)) == f"Do next: {step}"


def test_a_standby_that_is_not_there_comes_before_whatever_else_is_waited_for() -> None:
    assert asked(Cause.DEGRADED, held_up(11, wait=IO, sync_standbys=0)) == f"Do next: {STANDBY}"
    assert asked(Cause.DEGRADED, held_up(11, wait=IO, sync_standbys=1)) == f"Do next: {STORAGE}"


def test_an_unread_database_is_told_in_general() -> None:
    unread = scenes.evidence(database=scenes.GONE)
    assert asked(Cause.DEGRADED, unread) == f"Do next: {NEXT_STEPS[Cause.DEGRADED]}"


def test_an_unknown_cause_is_first_a_matter_of_what_could_not_be_read() -> None:
    told = asked(Cause.UNKNOWN, missing=("database: refused",))
    assert told == f"Do next: {UNREAD}".replace("TARGET", "shop")


def test_a_suspicion_is_called_one() -> None:
    found = diagnosis(Cause.LEAK)
    ripens = found.first.model_copy(update={"ripe_in": scenes.policy().pace.settle})
    told = next_steps(found.model_copy(update={"findings": (ripens,)}), None, scenes.target())
    assert told[0].startswith("It is a suspicion; if you find it so: End by hand")


def test_before_a_first_look_a_person_looks() -> None:
    first, second = next_steps(None, None, scenes.target())
    assert first == f"Do next: {UNSEEN}".replace("TARGET", "shop")
    assert second == guidance.where_to_look(scenes.target())
    assert "poolmedic show shop" in second
