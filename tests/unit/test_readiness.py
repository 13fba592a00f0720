"""Whether a worker is there, by Temporal's clock alone: this host's may be minutes off."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from worker.health import Probes

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Temporal:
    """Says when a worker last asked, and how much time has passed here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.polled_at: datetime | None = None
        self.passed = 1000.0
        monkeypatch.setattr("worker.health.last_polled", self._last_polled)
        monkeypatch.setattr("worker.health.time", SimpleNamespace(monotonic=lambda: self.passed))
        self._probes = Probes(cast("Any", None), "queue", None)

    async def _last_polled(self, *_question: object) -> datetime | None:
        return self.polled_at

    async def has_worker_after(self, seconds: float) -> bool:
        self.passed += seconds
        return (await self._probes._ask()).worker


@pytest.mark.parametrize("clock", [LONG_AGO, datetime(2199, 1, 1, tzinfo=UTC)])
async def test_a_worker_that_goes_on_asking_is_there_whatever_the_time(
    clock: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporal = Temporal(monkeypatch)
    assert not await temporal.has_worker_after(0)
    for minute in range(5):
        temporal.polled_at = clock + timedelta(minutes=minute)
        assert await temporal.has_worker_after(60)


async def test_one_that_asks_no_more_is_gone_after_its_silence_and_back_when_it_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    temporal = Temporal(monkeypatch)
    temporal.polled_at = LONG_AGO
    assert await temporal.has_worker_after(0)
    assert await temporal.has_worker_after(89)
    assert not await temporal.has_worker_after(2)
    temporal.polled_at = LONG_AGO + timedelta(seconds=91)
    assert await temporal.has_worker_after(1)
    temporal.polled_at = None
    assert not await temporal.has_worker_after(1)
