"""What can be done without is asked for only while there is time."""

import time

import pytest

from activities.patience import Patience
from tests.unit.scenes import known
from workflows.models.reading import Known, Unavailable


async def answer() -> Known[int] | Unavailable:
    return known(7)


@pytest.mark.parametrize(("taken", "is_asked"), [(0.0, True), (4.0, True), (4.1, False)])
async def test_what_would_come_too_late_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, *, taken: float, is_asked: bool
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    patience = Patience()
    monkeypatch.setattr(time, "monotonic", lambda: 100.0 + taken)
    found = await patience.ask("waits", 4.0, answer)
    late = Unavailable(reason="waits: not asked, the server had taken 4.1 s for the rest already")
    assert found == (known(7) if is_asked else late)
