"""The application's own metrics page, read by the names of the profile."""

import math

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from activities.missing import Missing
from activities.profiles.profile import Series, SeriesNames


class Exposition:
    """One page in Prometheus's text format, of which only the profile's series are read."""

    def __init__(self, body: bytes, names: SeriesNames) -> None:
        self._names = names.listed()
        self._samples = _parse(body, tuple(series.name for series in self._names.values()))

    def gauge(self, meaning: str) -> float:
        """The one sample of that meaning; Missing without it, and where there are several."""
        series, found = self._find(meaning)
        if len(found) != 1:
            raise Missing(f"the metrics page has {len(found)} samples of {series.name}, and one is meant")
        return self._finite(series, found[0].value)

    def counter(self, meaning: str) -> float:
        """The sum over all samples of that meaning; Missing without any."""
        series, found = self._find(meaning)
        if not found:
            raise Missing(f"the metrics page has no {series.name}")
        return self._finite(series, sum(sample.value for sample in found))

    def _find(self, meaning: str) -> tuple[Series, list[Sample]]:
        if meaning not in self._names:
            raise Missing(f"the metric profile names no series for {meaning}")
        series = self._names[meaning]
        return series, [
            sample
            for sample in self._samples
            if sample.name == series.name and series.labels.items() <= sample.labels.items()
        ]

    @staticmethod
    def _finite(series: Series, value: float) -> float:
        if not math.isfinite(value):
            raise Missing(f"{series.name} is {value} on the metrics page")
        return value


def _parse(body: bytes, names: tuple[str, ...]) -> list[Sample]:
    """Only lines of these names go to the parser: a page may hold thousands of others."""
    text = body.decode(errors="replace")
    lines = [line for line in text.split("\n") if line.startswith(names)]
    try:
        families = list(text_string_to_metric_families("\n".join(lines) + "\n"))
    except (ValueError, IndexError, KeyError) as exc:
        raise Missing("the metrics page is not in Prometheus's text format") from exc
    return [sample for family in families for sample in family.samples]
