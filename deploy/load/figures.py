"""What the answers looked like: counts by status, and latency."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from math import ceil

KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it ended (monotonic seconds), HTTP status or the error's name, how long it took."""

    at: float
    status: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Answers of one stretch of time. Percentiles are in seconds, None without an answer."""

    answers: int
    statuses: dict[str, int]
    skipped: int
    per_second: float
    p50: float | None
    p95: float | None
    p99: float | None
    longest: float | None

    @property
    def ok(self) -> int:
        return sum(count for status, count in self.statuses.items() if status.startswith("2"))

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True)
class Journal:
    """The answers so far, the oldest forgotten beyond KEPT, and the arrivals that were never sent."""

    answers: deque[Answer] = field(default_factory=lambda: deque(maxlen=KEPT))
    skipped: int = 0

    def note(self, status: str, seconds: float) -> None:
        self.answers.append(Answer(time.monotonic(), status, seconds))

    def summarize(self, since: float, until: float) -> Figures:
        """Sum up the answers that came between two monotonic times."""
        chosen = [answer for answer in self.answers if since <= answer.at <= until]
        latencies = [answer.seconds for answer in chosen]
        p50, p95, p99 = percentiles(latencies)
        return Figures(
            answers=len(chosen),
            statuses=dict(sorted(Counter(answer.status for answer in chosen).items())),
            skipped=self.skipped,
            per_second=round(len(chosen) / max(until - since, 1e-9), 2),
            p50=p50,
            p95=p95,
            p99=p99,
            longest=max(latencies, default=None),
        )


def percentiles(values: list[float]) -> tuple[float | None, float | None, float | None]:
    """Return the 50th, 95th and 99th percentile by nearest rank: each is one of the values."""
    if not values:
        return None, None, None
    ranked = sorted(values)
    p50, p95, p99 = (ranked[ceil(share * len(ranked) / 100) - 1] for share in (50, 95, 99))
    return p50, p95, p99
