"""The series that a metric profile names, and how a target's own are selected among them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from activities.promql import LABEL, METRIC, select, select_any

type LabelName = Annotated[str, Field(pattern=f"^{LABEL.pattern}$")]
type MetricName = Annotated[str, Field(pattern=f"^{METRIC.pattern}$")]


class Part(BaseModel):
    """A piece of a profile: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Series(Part):
    """One metric, or the sum of several, with the labels that narrow it to what is meant."""

    names: Annotated[tuple[MetricName, ...], Field(min_length=1, alias="name")]
    """More than one are added up, scrape by scrape; one of them missing is the whole missing."""
    labels: dict[LabelName, str] = {}
    target_labels: dict[LabelName, LabelName | None] = {}
    """What this series calls a label of the target's `selector`, where it differs; null: it has none."""
    always: bool = False
    """Exported from the start of the process, zero included: a scrape without it is no zero."""

    @property
    def title(self) -> str:
        """For people."""
        return " + ".join(self.names)

    def selector(self, labels: Mapping[str, str]) -> str:
        """The series of the target with these labels; a label of the profile outweighs one of the target."""
        called = {self.target_labels.get(name, name): value for name, value in labels.items()}
        wanted = {name: value for name, value in called.items() if name is not None} | self.labels
        return select(self.names[0], wanted) if len(self.names) == 1 else select_any(self.names, wanted)


def _from_name(value: object) -> object:
    """A name alone, a list of names, or everything in full."""
    given = value if isinstance(value, dict) else {"name": value}
    name = given.get("name")
    return {**given, "name": [name]} if isinstance(name, str) else given


type Metric = Annotated[Series, BeforeValidator(_from_name)]
