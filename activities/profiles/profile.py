"""A metric profile: how one kind of application shows its pool. Data, in YAML files beside this module."""

from collections.abc import Mapping
from datetime import timedelta
from string import Template
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from activities.promql import LABEL, METRIC, fill, select
from workflows.models.base import Duration

type LabelName = Annotated[str, Field(pattern=f"^{LABEL.pattern}$")]
type MetricName = Annotated[str, Field(pattern=f"^{METRIC.pattern}$")]
type Path = Annotated[str, Field(pattern=r"^/[!-~]*$")]
type Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)*$")]


class Part(BaseModel):
    """A piece of a profile: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Series(Part):
    """One metric, with the labels that narrow it to what is meant."""

    name: MetricName
    labels: dict[LabelName, str] = {}


def _from_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _is_template(value: str) -> str:
    if not Template(value).is_valid():
        raise ValueError("a `$` that is not the start of a name; write `$$` for the sign itself")
    return value


type Metric = Annotated[Series, BeforeValidator(_from_name)]
type Query = Annotated[str, AfterValidator(_is_template)]


class SeriesNames(Part):
    """What each series is called; one that is left out reads as unavailable."""

    active: Metric
    idle: Metric
    size: Metric
    waiters: Metric | None = None
    timeouts: Metric | None = None
    leaked: Metric | None = None
    wait_bucket: Metric | None = None
    """Cumulative buckets of the time it took to get a connection, in seconds."""
    hold_sum: Metric | None = None
    hold_count: Metric | None = None
    requests: Metric | None = None
    errors_503: Metric | None = None
    generation: Metric | None = None
    started_at: Metric | None = None
    """Start of the process, in seconds since the epoch: tells one process's counters from the next one's."""

    def listed(self) -> dict[str, Series]:
        """The series this profile names, by what they mean."""
        return {meaning: series for meaning, series in self if series is not None}


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


class HealthPage(Part):
    """`status` points to the page's own word; without it the HTTP status is the word."""

    path: Path
    status: Pointer | None = None
    checks: Pointer | None = None
    """To an object of checks: each a word, or an object with its word as `status`."""


class PoolPage(Part):
    """The pool's own numbers."""

    path: Path
    active: Pointer
    idle: Pointer
    size: Pointer
    waiters: Pointer | None = None
    timeouts_total: Pointer | None = None
    generation: Pointer | None = None
    started_at: Pointer | None = None


class Page(Part):
    """A page of which only the path matters."""

    path: Path


class Pages(Part):
    """The application's own pages."""

    health: HealthPage
    pool: PoolPage | None = None
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

    def selectors(self, labels: Mapping[str, str]) -> dict[str, str]:
        """A selector per series, for the target with these labels."""
        return {
            meaning: select(series.name, {**labels, **series.labels})
            for meaning, series in self.series.listed().items()
        }

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

    @staticmethod
    def _check(templates: Queries | Usual, names: set[str]) -> None:
        for key, value in templates:
            unknown = set(Template(value).get_identifiers()) - names if isinstance(value, str) else set[Any]()
            if unknown:
                raise ValueError(f"{key}: ${min(unknown)} is no series of this profile")
