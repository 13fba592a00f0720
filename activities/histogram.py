"""Quantiles of cumulative histograms, computed as Prometheus does."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from activities.series import Samples, Timeline, increase

FEWEST = 20
"""Observations below which a 95th percentile is not one: less than one would lie above it."""
SPAN = 60.0
"""Seconds that are judged together at least."""


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """The value below which `share` of the observations lie; None without any, or without a `+Inf` bucket.

    `buckets` maps upper bounds to cumulative counts. Above the highest finite bound nothing is known: that
    bound is the answer then.
    """
    bounds = sorted(buckets)
    counts = list(accumulate((buckets[bound] for bound in bounds), max))
    if len(bounds) < 2 or bounds[-1] != math.inf or not counts[-1] > 0:
        return None
    rank = share * counts[-1]
    hit = next(index for index, count in enumerate(counts) if count >= rank)
    if hit == len(bounds) - 1:
        return bounds[-2]
    if hit == 0 and bounds[0] <= 0:
        return bounds[0]
    floor, below = (bounds[hit - 1], counts[hit - 1]) if hit else (0.0, 0.0)
    return floor + (bounds[hit] - floor) * (rank - below) / (counts[hit] - below)


def worst_quantile(
    share: float, buckets: Mapping[float, Sequence[Samples]], timeline: Timeline, start: float
) -> float | None:
    """The highest quantile of any stretch since `start`; None when nothing was observed.

    A stretch lasts at least a minute and holds at least 20 observations, so that a bad minute is not hidden
    by good ones, and one slow request in a quiet minute is not a bad minute. `buckets` holds one counter per
    upper bound, or several whose observations belong together.
    """
    worst = [
        quantile(share, {bound: _risen(counts, timeline, *ends) for bound, counts in buckets.items()})
        for ends in _stretches(buckets.get(math.inf, ()), timeline, start)
    ]
    return max((value for value in worst if value is not None), default=None)


def _stretches(total: Sequence[Samples], timeline: Timeline, start: float) -> Sequence[tuple[float, float]]:
    """Cut at the scrapes; what is left over at the end belongs to the last stretch."""
    times = [at for at in timeline.scrapes if at >= start]
    cuts = [start]
    for at in times:
        if at - cuts[-1] >= SPAN and _risen(total, timeline, cuts[-1], at) >= FEWEST:
            cuts.append(at)
    inner = cuts[1:-1]
    return list(pairwise([start, *inner, *times[-1:]]))


def _risen(counters: Sequence[Samples], timeline: Timeline, start: float, end: float) -> float:
    return sum(
        increase([sample for sample in counter if sample.at <= end], timeline, start) for counter in counters
    )
