"""Lines of the log whose number others decide: one a second of each kind, with how many were not written."""

import time
from dataclasses import dataclass

SECONDS_BETWEEN_LINES = 1.0
"""Between two lines about the same: whoever asks decides how often it happens."""


@dataclass
class _Kind:
    written_at: float
    unwritten: int = 0


class Seldom:
    """Knows when each kind was written last; kinds are ours, and few."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}

    def passed_over(self, kind: str) -> int | None:
        """How many were not written since the last line of the kind; None: nor is this one to be written."""
        now = time.monotonic()
        known = self._kinds.get(kind)
        if known is not None and now - known.written_at < SECONDS_BETWEEN_LINES:
            known.unwritten += 1
            return None
        self._kinds[kind] = _Kind(written_at=now)
        return known.unwritten if known else 0
