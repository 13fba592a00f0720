"""The configuration file's JSON schema, for editors: as strict as the reading of the file itself."""

from typing import Any

from worker.config import Configuration

_DURATION = {
    "type": "string",
    "pattern": r"^(\d+h)?(\d+m)?(\d+(\.\d+)?s)?$",
    "examples": ["30s", "5m", "1h30m"],
}


def schema() -> dict[str, Any]:
    """JSON schema, draft 2020-12."""
    described = _strict(Configuration.model_json_schema())
    assert isinstance(described, dict)  # noqa: S101 - it was one before
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}


def _strict(part: Any) -> Any:  # noqa: ANN401 - a schema holds whatever JSON can
    """Unknown keys are refused, and durations are as people write them."""
    if isinstance(part, list):
        return [_strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("format") == "duration":
        return {key: part[key] for key in ("title", "description") if key in part} | _DURATION
    inner = {key: _strict(value) for key, value in part.items() if key != "default"}
    return inner | ({"additionalProperties": False} if "properties" in part else {})
