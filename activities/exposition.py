"""The application's own metrics page, read by the names of the profile."""

import math

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from activities.missing import Missing
from activities.profiles.profile import Profile
from activities.profiles.series import Series

READ = ("active", "idle", "size", "waiters", "in_flight", "timeouts", "generation", "started_at")
"""What the page is asked for, by the profile's keys."""
MOST_LINES = 2_000
LONGEST_LINE = 4_096
MOST_SIGNS = 256 * 1024
"""Of the lines with these names: Micrometer and prometheus_client write one for each pool, or for each path
of one, of 200 characters at most. The parser's time grows with the square of a line, and by a second for each
half million characters."""


class Excessive(Missing):
    """The page has more of the profile's series than is read; the message says what."""


class Exposition:
    """One page in Prometheus's text format, of which only the profile's series on the pool itself are read.

    Takes up to half a second: not for an event loop. Raises Missing, and Excessive where there is too much.
    """

    def __init__(self, body: bytes, profile: Profile) -> None:
        self._profile = profile
        self._names = profile.series.listed()
        read = [self._names[meaning] for meaning in READ if meaning in self._names]
        self._samples = _parse(body, frozenset(name for series in read for name in series.names))

    def gauge(self, meaning: str) -> float:
        """The one sample of that meaning, or the sum of one each; Missing without, and for several."""
        series, total = self._series(meaning), 0.0
        for name in series.names:
            found = self._find(series, name)
            if len(found) != 1:
                raise Missing(f"the metrics page has {len(found)} samples of {name}, and one is meant")
            total += found[0]
        return self._finite(series, total)

    def counter(self, meaning: str) -> float:
        """The sum over all samples of that meaning; Missing without any."""
        series = self._series(meaning)
        found = [value for name in series.names for value in self._find(series, name)]
        if not found:
            raise Missing(f"the metrics page has no {series.title}")
        return self._finite(series, sum(found))

    def _series(self, meaning: str) -> Series:
        if meaning not in self._names:
            raise Missing(self._profile.lacks(f"series.{meaning}"))
        return self._names[meaning]

    def _find(self, series: Series, name: str) -> list[float]:
        return [
            _measure(sample.value)
            for sample in self._samples
            if sample.name == name and series.labels.items() <= sample.labels.items()
        ]

    @staticmethod
    def _finite(series: Series, value: float) -> float:
        if not math.isfinite(value):
            raise Missing(f"{series.title} is {value} on the metrics page")
        return value


def _measure(value: float) -> float:
    """Whole numbers come as such, however large; one that no float is as large as is endless."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _parse(body: bytes, names: frozenset[str]) -> list[Sample]:
    """Only lines of these names go to the parser: a page may hold thousands of others."""
    beginnings = tuple(names)
    lines = [
        line
        for line in body.decode(errors="replace").split("\n")
        if line.startswith(beginnings) and line[:LONGEST_LINE].partition("{")[0].split(maxsplit=1)[0] in names
    ]
    if any(len(line) > LONGEST_LINE for line in lines):
        raise Excessive(f"has a line of more than {LONGEST_LINE} characters")
    if len(lines) > MOST_LINES or sum(map(len, lines)) > MOST_SIGNS:
        raise Excessive(f"has more than {MOST_LINES} lines or {MOST_SIGNS} characters")
    try:
        families = list(text_string_to_metric_families("\n".join(lines) + "\n"))
    except (ValueError, IndexError, KeyError, OverflowError) as exc:
        raise Missing("the metrics page is not in Prometheus's text format") from exc
    return [sample for family in families for sample in family.samples]
