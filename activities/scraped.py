"""What Prometheus scraped of one instance, and what can be said of it: a value with its time, or why not."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from activities.missing import Missing, count, moment, read
from activities.profiles.profile import ANSWERS, WITNESS, Profile
from activities.profiles.series import Series as Names
from activities.prometheus_api import Series
from activities.series import Overlap, Sample, Samples, Timeline, add, as_of, increase, is_finite, join, since
from workflows.errors import PoolmedicError
from workflows.models.evidence import PoolState
from workflows.models.reading import Known, value_of

type Asked = tuple[Series, ...] | PoolmedicError
"""One question's answer, or why there is none; the others go on without it."""


def number(asked: Asked, what: str) -> float:
    """The one value of a query that gives one; Missing without any, and for NaN and infinities."""
    found = answered(asked)
    if len(found) > 1:
        raise Missing(f"Prometheus has {len(found)} values for {what}, and one is meant")
    if not found or not found[0].samples:
        raise Missing(f"Prometheus has no data for {what}")
    value = found[0].samples[-1].value
    if not math.isfinite(value):
        raise Missing(f"there was nothing to compute {what} from (Prometheus says {value})")
    return value


def answered(asked: Asked) -> tuple[Series, ...]:
    """The series; Missing when the question failed."""
    if isinstance(asked, PoolmedicError):
        raise Missing(asked.message)
    return asked


class Scraped:
    """The samples of one instance, by what they mean."""

    def __init__(self, instance: str, profile: Profile, asked: Mapping[str, Asked]) -> None:
        self._instance = instance
        self._profile = profile
        self._asked = asked
        self.scrapes: Sequence[float] = [sample.at for sample in self._single("active")]

    @property
    def timeline(self) -> Timeline:
        """When it was scraped, and which process answered; without the latter only a fall tells a restart."""
        try:
            return Timeline(self.scrapes, self._single("started_at"))
        except Missing:
            return Timeline(self.scrapes, ())

    @property
    def last_at(self) -> datetime:
        """The last scrape; Missing when there was none."""
        if not self.scrapes:
            raise Missing(f"Prometheus has not scraped the pool of {self._instance} in that time")
        return moment(self.scrapes[-1])

    def recent_start(self) -> float:
        """The last scrape at least `recent` before the last one, else the first: nothing is estimated."""
        earliest = self.scrapes[-1] - self._profile.recent.total_seconds()
        return max((at for at in self.scrapes if at <= earliest), default=self.scrapes[0])

    def pool(self) -> Known[PoolState]:
        """The pool at the last scrape."""
        at = self.last_at
        state = PoolState(
            active=self._count("active"),
            idle=self._count("idle"),
            size=self._count("size"),
            waiters=value_of(read(lambda: Known(value=self._count("waiters"), at=at))),
            in_flight=value_of(read(lambda: Known(value=self._count("in_flight"), at=at))),
        )
        return Known(value=state, at=at)

    def utilization(self) -> Samples:
        """Checked out / maximum at every scrape that has both; a pool of size 0 counts as full."""
        sizes = {sample.at: sample.value for sample in self._single("size")}
        both = ((at, active, sizes[at]) for at, active in self._single("active") if at in sizes)
        return [
            Sample(at, active / size if size else 1.0)
            for at, active, size in both
            if math.isfinite(active) and math.isfinite(size)
        ]

    def fewest(self, start: float) -> Known[int]:
        """The fewest connections checked out at any scrape since `start`."""
        samples = since(self._single("active"), start)
        counts = [sample.value for sample in samples if math.isfinite(sample.value)]
        if not counts:
            raise Missing(f"{self._instance} was not scraped in that time")
        return Known(value=count(min(counts), f"the pool of {self._instance}"), at=self.last_at)

    def risen(self, meaning: str, start: float) -> Known[float]:
        """By how much the counters of that meaning rose since `start`; one that no scrape has did not."""
        counters, at, timeline = self.all(meaning), self.last_at, self.timeline
        if self._series(meaning).always and not any(c and c[-1].at == self.scrapes[-1] for c in counters):
            raise Missing(f"{self._named(meaning)} was not in the last scrape of {self._instance}")
        if meaning in ANSWERS and not counters:
            self._require_witness(meaning)
        if not all(is_finite(counter) for counter in counters):
            raise Missing(f"{self._named(meaning)} is not a number")
        if not timeline.counts_since(start):
            raise Missing(f"{self._instance} was scraped less than twice in that time")
        return Known(value=sum((increase(each, timeline, start) for each in counters), 0.0), at=at)

    def started_at(self) -> Known[datetime]:
        """Start of the process that answered the last scrape."""
        at, starts = self.last_at, self._single("started_at")
        found = as_of(starts, self.scrapes[-1])
        if found is None or found.at != self.scrapes[-1]:
            raise Missing(f"{self._named('started_at')} was not in the last scrape of {self._instance}")
        return Known(value=moment(found.value), at=at)

    def all(self, meaning: str) -> list[Samples]:
        """Every series of that meaning; Missing when the profile has no name for it."""
        return [series.samples for series in self._found(meaning)]

    def _found(self, meaning: str) -> list[Series]:
        if meaning not in self._asked:
            raise Missing(self._profile.lacks(f"series.{meaning}"))
        label = self._profile.instance_label
        found = answered(self._asked[meaning])
        return [series for series in found if series.labels.get(label) == self._instance]

    def _single(self, meaning: str) -> Samples:
        found, names = self._found(meaning), self._series(meaning).names
        try:
            if len(names) == 1:
                return join(series.samples for series in found)
            parts = [[one.samples for one in found if one.labels["__name__"] == name] for name in names]
            return add([join(part) for part in parts])
        except Overlap:
            raise Missing(
                f"Prometheus has several series of {self._named(meaning)} for {self._instance}; "
                "make the target's selector narrower"
            ) from None

    def _count(self, meaning: str) -> int:
        last, now = as_of(self._single(meaning), self.scrapes[-1]), self.scrapes[-1]
        if last is None or last.at != now:
            raise Missing(f"{self._named(meaning)} was not in the last scrape of {self._instance}")
        return count(last.value, f"{last.value} as {self._named(meaning)} of {self._instance}")

    def _require_witness(self, meaning: str) -> None:
        """No error so far is known only where requests are counted under the same name."""
        if WITNESS not in self._asked or not self._profile.are_requests(meaning):
            return
        label, found = self._profile.instance_label, answered(self._asked[WITNESS])
        if all(series.labels.get(label) != self._instance for series in found):
            raise Missing(f"{self._named(meaning)} counts nothing of {self._instance}, not even successes")

    def _series(self, meaning: str) -> Names:
        return self._profile.series.listed()[meaning]

    def _named(self, meaning: str) -> str:
        return self._series(meaning).title
