"""What Alertmanager posts (webhook version 4): untrusted, checked field by field."""

from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, FailFast, Field, ValidationError
from pydantic.alias_generators import to_camel

from worker.config_text import spell
from worker.errors import WorkerError
from workflows.models.alert import AlertStatus
from workflows.models.base import Model, Moment
from workflows.models.text import clean

MOST_FAULTS = 20
LONGEST_PATH = 200
MOST_TRUNCATED = 10**9
"""Alerts in one group; nobody has more, and what counts them takes no number of any size."""

# A body of a megabyte holds more faults than can be told in time: of many alike the first is enough.
type Labels = Annotated[dict[str, str], FailFast()]


class Received(Model):
    """The part of a posted value that is used; the rest is left out."""

    model_config = ConfigDict(frozen=True, alias_generator=AliasGenerator(validation_alias=to_camel))


class ReceivedAlert(Received):
    """One alert of a delivery."""

    status: AlertStatus
    labels: Labels
    annotations: Labels = {}
    starts_at: Moment
    fingerprint: Annotated[str, Field(pattern=r"^[0-9A-Za-z._:-]{1,128}$")]


class Delivery(Received):
    """One POST of Alertmanager: a group of alerts."""

    version: Literal["4"]
    alerts: Annotated[tuple[ReceivedAlert, ...], FailFast()]
    truncated_alerts: Annotated[int, Field(ge=0, le=MOST_TRUNCATED)] = 0
    """Alerts that Alertmanager itself left out (`max_alerts` of its receiver)."""


class Malformed(WorkerError):
    """The body is not what Alertmanager sends; faults with their paths, of many alike the first."""

    def __init__(self, faults: tuple[tuple[str, str], ...], *, is_json: bool) -> None:
        super().__init__("; ".join(f"{path}: {message}" for path, message in faults))
        self.faults, self.is_json = faults, is_json


def read_delivery(body: bytes) -> Delivery:
    """The delivery in that body; raises `Malformed`. What was given is never repeated in the message."""
    try:
        return Delivery.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        faults = tuple((_where(fault["loc"]), fault["msg"]) for fault in found)
        is_json = all(fault["type"] != "json_invalid" for fault in found)
        raise Malformed(faults[:MOST_FAULTS], is_json=is_json) from None


def schema_in_one(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON schema without references: within another document they would lead nowhere."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def whole(piece: Any) -> Any:  # noqa: ANN401 - any part of a schema
        if isinstance(piece, list):
            return [whole(inner) for inner in piece]
        if not isinstance(piece, dict):
            return piece
        if name := piece.get("$ref"):
            return whole(parts[name.rpartition("/")[2]] | {key: piece[key] for key in piece if key != "$ref"})
        return {key: whole(inner) for key, inner in piece.items()}

    return dict(whole(schema))


def _where(path: tuple[str | int, ...]) -> str:
    """The path; a label's name in it is untrusted, and may be long."""
    return clean(spell(path), LONGEST_PATH) if path else "body"
