"""The story as plain lines, one per happening: for logs, pipes and continuous integration."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import override

from deploy.demo.narration import Narrator, Way
from deploy.demo.scene import Scene
from deploy.demo.times import Times
from worker.terminal import visible

SECONDS_BETWEEN_PULSES = 5.0


class Lines(Narrator):
    """Writes to standard output; where nothing new happens, how things stand every five seconds."""

    def __init__(self, times: Times) -> None:
        super().__init__(times)
        self._spoke_at = time.monotonic()

    @override
    def say(self, text: str) -> None:
        self._write(datetime.now(UTC), text)

    @override
    def show(self, scene: Scene) -> None:
        for at, text in self.news.of(scene):
            self._write(at, text)
        if time.monotonic() - self._spoke_at > SECONDS_BETWEEN_PULSES:
            self._write(scene.at, f"... {self.describe(scene)}")

    @override
    def offer(self, ways: Sequence[Way]) -> None:
        for way in ways:
            self.say(f"To approve by {way.name}: {way.text}")

    def _write(self, at: datetime, text: str) -> None:
        self._spoke_at = time.monotonic()
        sys.stdout.write(f"{at.astimezone():%H:%M:%S}  {visible(text)}\n")
        sys.stdout.flush()
