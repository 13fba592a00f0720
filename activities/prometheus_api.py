"""Prometheus's HTTP API: questions in PromQL, answers as series; anything else is one of our errors."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, NamedTuple

from pydantic import AwareDatetime, Field, FiniteFloat, ValidationError

from activities.http_source import Answer, HttpSource, Shape
from activities.missing import LAST_TIME
from activities.series import Sample, Samples
from workflows.errors import SourceNonsense

OK = 200
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

type Time = Annotated[FiniteFloat, Field(ge=0, le=LAST_TIME)]


class Series(NamedTuple):
    """Labels and samples; an instant vector has one sample per series."""

    labels: Mapping[str, str]
    samples: Samples


class Raised(Shape):
    """One alert of a rule: pending or firing."""

    labels: dict[str, str]
    state: str


class Rule(Shape):
    """One alerting rule that Prometheus evaluates itself."""

    name: str
    alerts: list[Raised] = []
    health: str
    evaluated_at: Annotated[AwareDatetime, Field(alias="lastEvaluation")]

    @property
    def works(self) -> bool:
        """Whether its last evaluation gave an answer."""
        return self.health == "ok" and self.evaluated_at > NEVER


class _Found(Shape):
    metric: dict[str, str]
    value: tuple[Time, float] | None = None
    values: list[tuple[Time, float]] = []


class _Result(Shape):
    type: Annotated[Literal["vector", "matrix"], Field(alias="resultType")]
    result: list[_Found]


class _Queried(Shape):
    status: Literal["success"]
    data: _Result


class _Group(Shape):
    rules: list[Rule]


class _Groups(Shape):
    groups: list[_Group]


class _Ruled(Shape):
    status: Literal["success"]
    data: _Groups


class _Refused(Shape):
    error: str


class PrometheusApi:
    """Every method raises SourceUnavailable, SourceRefused or SourceNonsense."""

    def __init__(self, source: HttpSource, url: str) -> None:
        self._source = source
        self._url = url.rstrip("/")

    async def query(self, promql: str, at: datetime) -> tuple[Series, ...]:
        """An instant query; with a range selector it gives the samples as they were scraped."""
        return await self._query("query", {"query": promql, "time": f"{at.timestamp():.3f}"})

    async def query_range(
        self, promql: str, start: datetime, end: datetime, step: timedelta
    ) -> tuple[Series, ...]:
        """The value at `start` and every `step` after it."""
        times = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}"}
        # Not as a number of seconds: Prometheus cuts 2.062 to 2061 ms, and the answers drift away.
        paced = {**times, "step": f"{step // timedelta(milliseconds=1)}ms"}
        return await self._query("query_range", {"query": promql, **paced})

    async def rules(self, name: str) -> tuple[Rule, ...]:
        """The alerting rules of that name."""
        answer = self._accept(await self._source.get(f"{self._url}/api/v1/rules", {"type": "alert"}))
        groups = self._read(answer, _Ruled).data.groups
        return tuple(rule for group in groups for rule in group.rules if rule.name == name)

    async def _query(self, path: str, form: Mapping[str, str]) -> tuple[Series, ...]:
        answer = self._accept(await self._source.post(f"{self._url}/api/v1/{path}", form))
        return tuple(
            Series(found.metric, [Sample(*pair) for pair in _pairs(found)])
            for found in self._read(answer, _Queried).data.result
        )

    def _accept(self, answer: Answer) -> Answer:
        if answer.status == OK:
            return answer
        try:
            detail = _Refused.model_validate_json(answer.body).error
        except ValidationError:
            detail = ""
        raise self._source.refusal(answer, detail)

    def _read[T: Shape](self, answer: Answer, shape: type[T]) -> T:
        try:
            return shape.model_validate_json(answer.body)
        except ValidationError as exc:
            raise SourceNonsense(f"{self._source.name} answered, but not as Prometheus does") from exc


def _pairs(found: _Found) -> list[tuple[float, float]]:
    return found.values if found.value is None else [found.value]
