"""Arithmetic over what was really scraped: no interpolation between samples, no value where there is none.

Times are seconds since the epoch. All samples of one scrape carry the same time, so a scrape that holds a
pool but not a counter says that this counter does not exist yet: only then is absent the same as zero.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

SAME_PROCESS = 1.0
"""Seconds. Some exporters compute the start of the process anew for each scrape, give or take a bit."""
MISSED_SCRAPES = 4
"""So many times the usual pause without a sample, and what was in between is not known any more."""


class Sample(NamedTuple):
    """One value, at the time of its scrape."""

    at: float
    value: float


type Samples = Sequence[Sample]
"""In order of time, no two at the same."""


class Overlap(Exception):
    """Two series say something about the same time, and nothing tells which is meant."""


def join(parts: Iterable[Samples]) -> Samples:
    """Series that follow one another (a container started anew) as one; raises Overlap."""
    ordered = sorted((part for part in parts if part), key=lambda part: part[0].at)
    if any(later[0].at <= earlier[-1].at for earlier, later in pairwise(ordered)):
        raise Overlap
    return [sample for part in ordered for sample in part]


def add(parts: Sequence[Samples]) -> Samples:
    """The sum at every time at which each of the parts has a sample."""
    values = [dict(part) for part in parts]
    return [
        Sample(at, sum(value[at] for value in values)) for at in sorted(set.intersection(*map(set, values)))
    ]


def as_of(samples: Samples, at: float) -> Sample | None:
    """The last sample that is not newer."""
    found = bisect_right(samples, at, key=lambda sample: sample.at)
    return samples[found - 1] if found else None


def since(samples: Samples, at: float) -> Samples:
    """The samples from that time on."""
    return [sample for sample in samples if sample.at >= at]


def longest_gap(times: Sequence[float], start: float, end: float) -> float:
    """Longest time without a sample between `start` and `end`."""
    return max(later - earlier for earlier, later in pairwise([start, *times, end]))


def usual_pause(times: Sequence[float]) -> float | None:
    """The scrape interval, as far as the samples show it."""
    return median(later - earlier for earlier, later in pairwise(times)) if len(times) > 1 else None


def unbroken_seconds(utilization: Samples, threshold: float) -> float:
    """For how long until its last sample the pool was at or above the threshold.

    A lower bound: it counts from the first full sample on, and a longer gap breaks it.
    """
    times = [sample.at for sample in utilization]
    patience = MISSED_SCRAPES * (usual_pause(times) or 0.0)
    began: float | None = None
    for index, sample in enumerate(utilization):
        if not sample.value >= threshold:
            began = None
        elif began is None or sample.at - utilization[index - 1].at > patience:
            began = sample.at
    return 0.0 if began is None else times[-1] - began


class Timeline(NamedTuple):
    """When an instance was scraped, and since when the process ran that answered."""

    scrapes: Sequence[float]
    starts: Samples

    def began_since(self, start: float, at: float) -> bool:
        """Whether the process that answered at `at` was started after `start`, so its counters are newer."""
        process = as_of(self.starts, at)
        return process is not None and process.value >= start

    def restarted(self, earlier: float, later: float) -> bool:
        """Whether two scrapes were answered by different processes."""
        one, other = as_of(self.starts, earlier), as_of(self.starts, later)
        return one is not None and other is not None and abs(other.value - one.value) > SAME_PROCESS

    def counts_since(self, start: float) -> bool:
        """Whether an increase can be told: from two scrapes, or from one of a process that began since."""
        inside = [at for at in self.scrapes if at >= start]
        return len(inside) > 1 or (len(inside) == 1 and self.began_since(start, inside[0]))


def increase(counter: Samples, timeline: Timeline, start: float) -> float:
    """By how much one counter rose from the first scrape since `start` on, over any number of restarts.

    What was counted between `start` and that scrape can't be told from what was counted before, and what a
    process counted after its last scrape is lost with it. A counter that appears later began at zero.
    """
    inside = since(counter, start)
    if not inside:
        return 0.0
    first = inside[0]
    was_absent = any(start <= at < first.at for at in timeline.scrapes)
    risen = first.value if was_absent or timeline.began_since(start, first.at) else 0.0
    for before, after in pairwise(inside):
        began_anew = after.value < before.value or timeline.restarted(before.at, after.at)
        risen += after.value if began_anew else after.value - before.value
    return risen


def is_finite(samples: Samples) -> bool:
    """Whether all values are numbers; NaN and infinities are not."""
    return all(math.isfinite(sample.value) for sample in samples)
