"""A metric profile: how one kind of application shows its pool. Data, in YAML files beside this module.

docs/profiles.md teaches to write one.
"""

from collections.abc import Mapping
from datetime import timedelta
from string import Template
from typing import Annotated, Self

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from activities.profiles.series import LabelName, Metric, Part, Series
from activities.promql import fill
from workflows.models.base import Duration

type Path = Annotated[str, Field(pattern=r"^/[!-~]*$")]
type Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)*$")]


def _is_template(value: str) -> str:
    if not Template(value).is_valid():
        raise ValueError("a `$` that is not the start of a name; write `$$` for the sign itself")
    return value


type Query = Annotated[str, AfterValidator(_is_template)]


WITNESS = "requests at all"
_COUNTS_REQUESTS = "count by ($instance) (present_over_time($requests[$window]))"
GAUGES = ("active", "idle", "size", "waiters", "in_flight")
COUNTERS = ("timeouts", "leaked", "errors_503", "errors_5xx")
ANSWERS = ("errors_503", "errors_5xx")
"""Counters of answers, which may be a part of `requests`."""


class SeriesNames(Part):
    """What each series is called; one that is left out reads as unavailable."""

    active: Metric
    idle: Metric
    size: Metric
    waiters: Metric | None = None
    in_flight: Metric | None = None
    """Requests under way, of those that use the pool."""
    timeouts: Metric | None = None
    leaked: Metric | None = None
    wait_bucket: Metric | None = None
    """Cumulative buckets of the time it took to get a connection, in seconds."""
    hold_sum: Metric | None = None
    hold_count: Metric | None = None
    requests: Metric | None = None
    errors_503: Metric | None = None
    errors_5xx: Metric | None = None
    """Every answer 5xx, those with 503 included."""
    generation: Metric | None = None
    started_at: Metric | None = None
    """Start of the process, in seconds since the epoch: tells one process's counters from the next one's."""

    def listed(self) -> dict[str, Series]:
        """The series this profile names, by what they mean."""
        return {meaning: series for meaning, series in self if series is not None}

    @model_validator(mode="after")
    def _keys_mean_something(self) -> Self:
        for meaning, series in self.listed().items():
            if len(series.names) > 1 and meaning not in GAUGES:
                raise ValueError(f"{meaning}: only {', '.join(GAUGES)} can be a sum; name one series")
            if series.always and meaning not in COUNTERS:
                raise ValueError(f"{meaning}: `always` is for {', '.join(COUNTERS)}; leave it out here")
        return self


class Queries(Part):
    """PromQL templates of what Prometheus itself computes now; `$window` is how far back."""

    wait_p95: Query | None = None
    """Seconds, per instance."""
    request_rate: Query | None = None
    """Per second, per instance."""
    hold_seconds: Query | None = None
    """Mean over all instances."""


class Usual(Part):
    """PromQL templates of what was usual: over `$window`, which began `$before` and ended `$ago`."""

    ago: Annotated[tuple[Duration, ...], Field(min_length=1)]
    window: Duration
    request_rate: Query | None = None
    hold_seconds: Query | None = None
    errors_5xx: Query | None = None
    """Answers 5xx per second."""


class HealthPage(Part):
    """`status` points to the page's own word; without it the HTTP status is the word."""

    path: Path
    status: Pointer | None = None
    checks: Pointer | None = None
    """To an object of checks: each a word, or an object with its word as `status`."""


class Checkouts(Part):
    """A list on the pool page of who has a connection. All pointers but `entries` lead into an entry."""

    entries: Pointer
    borrower: Pointer
    held_seconds: Pointer | None = None
    since: Pointer | None = None
    """A time with its zone, or seconds since the epoch."""

    @model_validator(mode="after")
    def _tells_one_time(self) -> Self:
        if (self.held_seconds is None) == (self.since is None):
            raise ValueError("name either held_seconds or since")
        return self


class PoolPage(Part):
    """The pool's own numbers."""

    path: Path
    active: Pointer
    idle: Pointer
    size: Pointer
    waiters: Pointer | None = None
    in_flight: Pointer | None = None
    timeouts_total: Pointer | None = None
    generation: Pointer | None = None
    started_at: Pointer | None = None
    checkouts: Checkouts | None = None


class QueriesPage(Part):
    """A list of query shapes with their mean time. All pointers but `entries` lead into an entry."""

    path: Path
    entries: Pointer
    text: Pointer
    mean_seconds: Pointer | None = None
    mean_milliseconds: Pointer | None = None
    calls: Pointer | None = None

    @model_validator(mode="after")
    def _tells_one_time(self) -> Self:
        if (self.mean_seconds is None) == (self.mean_milliseconds is None):
            raise ValueError("name either mean_seconds or mean_milliseconds")
        return self


class Page(Part):
    """A page of which only the path matters."""

    path: Path


class Pages(Part):
    """The application's own pages."""

    health: HealthPage
    pool: PoolPage | None = None
    queries: QueriesPage | None = None
    metrics: Page | None = None
    probe: Page


class Profile(Part):
    """Everything that is particular to one kind of application."""

    instance_label: LabelName
    recent: Duration = timedelta(minutes=1)
    series: SeriesNames
    queries: Queries = Queries()
    usual: Usual | None = None
    pages: Pages
    _name: str = PrivateAttr("without a name")

    def named(self, name: str) -> Self:
        """The same, called as its file is."""
        copy = self.model_copy()
        copy._name = name  # noqa: SLF001 - its own
        return copy

    def lacks(self, key: str) -> str:
        """Why something cannot be read: this profile says nothing under that key."""
        return f"the metric profile {self._name} has no `{key}`"

    def selectors(self, labels: Mapping[str, str]) -> dict[str, str]:
        """A selector per series, for the target with these labels."""
        return {meaning: series.selector(labels) for meaning, series in self.series.listed().items()}

    def witness(self, labels: Mapping[str, str], over: timedelta) -> dict[str, str]:
        """PromQL (`WITNESS`) for the instances that count requests at all, where errors are some of them."""
        is_shared = any(self.are_requests(meaning) for meaning in ANSWERS)
        return {WITNESS: self.query(_COUNTS_REQUESTS, labels, window=over)} if is_shared else {}

    def are_requests(self, meaning: str) -> bool:
        """Whether that counter is a part of `requests`, so that requests show that it would be there."""
        series, requests = self.series.listed().get(meaning), self.series.requests
        return series is not None and requests is not None and series.names == requests.names

    def query(self, template: str, labels: Mapping[str, str], **spans: timedelta) -> str:
        """One template as PromQL for the target with these labels."""
        names = {**self.selectors(labels), "instance": self.instance_label}
        return fill(template, names, spans)

    @model_validator(mode="after")
    def _templates_name_what_exists(self) -> Self:
        names = {*self.series.listed(), "instance", "window"}
        self._check(self.queries, names)
        if self.usual:
            self._check(self.usual, names | {"ago", "before"})
        return self

    def _check(self, templates: Queries | Usual, names: set[str]) -> None:
        sums = {meaning for meaning, series in self.series.listed().items() if len(series.names) > 1}
        for key, value in templates:
            named = set(Template(value).get_identifiers()) if isinstance(value, str) else set[str]()
            if unknown := named - names:
                raise ValueError(f"{key}: ${min(unknown)} is no series of this profile")
            if added := named & sums:
                raise ValueError(f"{key}: ${min(added)} is a sum, and PromQL takes one series; leave it out")
