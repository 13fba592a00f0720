"""How soon the judge of a drill wants the first act."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from deploy.demo import health
from deploy.demo.drill import Drill

TAKEN = datetime(2026, 5, 4, 12, tzinfo=UTC)


def drill(*pages: tuple[float, float]) -> Drill:
    """Whose pages were asked for so many seconds after the alert, and took so many milliseconds."""
    scenes = [
        SimpleNamespace(at=TAKEN + timedelta(seconds=after), page_seconds=took / 1000)
        for after, took in pages
    ]
    parts = {
        "scenes": scenes,
        "alert": SimpleNamespace(received_at=TAKEN),
        "scenario": SimpleNamespace(restarts=False),
    }
    return cast("Drill", SimpleNamespace(**parts))


@pytest.mark.parametrize(
    ("pages", "allowed"),
    [
        ([(-8, 3), (0, 3), (9, 3)], 1.0),
        ([(-8, 6), (0, 6), (9, 6)], 1.5),
        ([(-8, 3), (-1, 6), (0, 6), (1, 6), (9, 3)], 1.5),
        ([(-8, 3), (1, 6), (9, 3)], 1.0),
        ([(-8, 10), (1, 2), (9, 6)], 1.5),
        ([(-8, 100), (0, 100), (9, 100)], 5.0),
        ([], 1.0),
    ],
    ids=[
        "idle",
        "busy",
        "busy while it acted",
        "one late page",
        "busy before and after",
        "very",
        "never seen",
    ],
)
def test_a_busy_machine_makes_it_later(pages: Sequence[tuple[float, float]], allowed: float) -> None:
    assert health.seconds_to_act(drill(*pages)) == pytest.approx(allowed)
