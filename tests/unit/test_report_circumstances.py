"""What the report tells of the containers: what happened shortly before, and what the application logged."""

from datetime import timedelta
from typing import Any

import pytest

from activities.report_text import render
from tests.unit import incidents, scenes
from tests.unit.markup import EVIL, structure
from tests.unit.scenes import NOW, evidence, known
from workflows.models.evidence import LogLine


def reported(**container: Any) -> str:
    """The report of an incident whose first container was so."""
    look = evidence(containers=scenes.containers(scenes.container(1, **container)))
    return render(incidents.report(evidence=look))


@pytest.mark.parametrize(
    ("minutes", "is_told"),
    [(0, True), (7, True), (29.9, True), (30, False), (300, False), (-1, False)],
)
def test_a_start_shortly_before_the_alert_is_told(minutes: float, is_told: bool) -> None:
    opened = incidents.report().opened_at
    text = reported(started_at=opened - timedelta(minutes=minutes), image="shop:2026-03-01")
    assert ("before the alert, from the image shop:2026-03-01: look at what was deployed" in text) is is_told


def test_a_container_that_ends_by_itself_is_told() -> None:
    text = reported(restart_count=3, oom_killed=True)
    assert "web-1 was restarted 3 times by the engine: it ends by itself." in text
    assert "web-1 was ended for want of memory before." in text


def test_an_ordinary_container_adds_nothing() -> None:
    text = reported()
    assert "by the engine" not in text
    assert "look at what was deployed" not in text
    assert "What the application itself logged" not in text


def test_log_lines_are_told_by_instance_the_oldest_first() -> None:
    lines = (LogLine(at=NOW, text="pool timeout"), LogLine(at=NOW - timedelta(minutes=1), text="pool: full"))
    text = reported(log=known(lines))
    assert "- 02:59:00 web-1: `pool: full`\n- 03:00:00 web-1: `pool timeout`\n" in text


def test_a_log_that_was_not_asked_for_or_not_read_adds_nothing() -> None:
    assert "What the application itself logged" not in reported(log=scenes.GONE)
    assert "What the application itself logged" not in reported(log=None)


def test_a_line_is_never_markup() -> None:
    plain = structure(reported(log=known((LogLine(at=NOW, text="pool"),))))
    assert structure(reported(log=known((LogLine(at=NOW, text=f"pool {EVIL}"),)))) == plain
