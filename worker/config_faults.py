"""Faults of the configuration's types, each told with the remedy, never with the value that was given."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from worker.config import DEFAULT, Configuration
from worker.config_text import Path, Text
from worker.errors import Fault

_MESSAGES = {
    "missing": "is required, but not given",
    "time_delta_type": "must be a duration like 30s, 5m or 1h30m",
    "model_type": "must be a group of keys",
    "dict_type": "must be a group of keys",
    "tuple_type": "must be a list",
    "too_short": "is empty; needs at least one",
    "bool_type": "must be true or false",
    "int_type": "must be an integer, a number without quotes",
    "float_type": "must be a number without quotes",
    "string_type": "must be text; put it in quotes",
}
_SAME_NAME = "two have the same name"
_PATTERNS = {
    "dsn": "must be the name of an environment variable, like SHOP_DATABASE_DSN, never the connection string",
    "index_dsn": "must be the name of an environment variable, like SHOP_INDEX_DSN, never the string itself",
    "token": "must be the name of an environment variable, like PROMETHEUS_TOKEN, never the token itself",
    "routes": "must be names of environment variables that hold Apprise addresses, like ONCALL_APPRISE_URL",
}


def validate[M: BaseModel](model: type[M], data: object) -> tuple[M | None, list[ErrorDetails]]:
    """The strict reading of parsed YAML: no text for a number, no unknown key; or what is wrong with it."""
    try:
        return model.model_validate_json(json.dumps(data, default=str), strict=True, extra="forbid"), []
    except ValidationError as error:
        return None, error.errors(include_input=False, include_url=False)


def told(wrong: list[ErrorDetails], text: Text) -> Iterator[Fault]:
    """One fault per error, at its path and line, without those that only follow from another."""
    paths = [_path(error) for error in wrong]
    seen = {(path, error["msg"]) for path, error in zip(paths, wrong, strict=True)}
    for path, error in zip(paths, wrong, strict=True):
        if error["type"] == "too_short" and any(
            other[: len(path)] == path for other in paths if other != path
        ):
            continue
        if not _is_inherited(path, error, seen):
            yield text.fault(*(_same_name(path, error, text.data) or (path, _message(path, error))))


def _path(error: ErrorDetails) -> Path:
    return tuple(part for part in error["loc"] if part != "[key]")


def _same_name(path: Path, error: ErrorDetails, data: Any) -> tuple[Path, str] | None:  # noqa: ANN401 - parsed YAML
    """At the later one of two instances with one name: the target is only known to hold them."""
    if _SAME_NAME not in error["msg"]:
        return None
    for part in path:
        data = data[part]
    names = [each["name"] for each in data["instances"]]
    place = next(place for place, name in enumerate(names) if name in names[:place])
    told = f"another instance is called {names[place]} as well; give each its own name"
    return (*path, "instances", place, "name"), told


def _is_inherited(path: Path, error: ErrorDetails, seen: set[tuple[Path, str]]) -> bool:
    """Every policy contains what `default` says, and with it the faults of `default`."""
    if len(path) < 2 or path[0] != "policies" or path[1] == DEFAULT:
        return False
    return (("policies", DEFAULT, *path[2:]), error["msg"]) in seen


def _message(path: Path, error: ErrorDetails) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"is not a known key{_guess(str(path[-1]), path[:-1])}"
    if kind == "string_pattern_mismatch":
        names = [part for part in path if part in _PATTERNS]
        return _PATTERNS[str(names[-1])] if names else _name_message(path)
    return _MESSAGES.get(kind) or error["msg"].removeprefix("Value error, ").replace("Input should", "should")


def _name_message(path: Path) -> str:
    return f"{path[-1]}: must consist of small letters, digits and hyphens, at most 63"


def _guess(key: str, place: Path) -> str:
    near = difflib.get_close_matches(key, _known_keys(place), n=1)
    return f"; is {near[0]} meant?" if near else "; remove it"


def _known_keys(place: Path) -> set[str]:
    """Those of this very place: what is a key elsewhere would be as wrong here."""
    schema: dict[str, Any] = Configuration.model_json_schema()
    parts = [schema]
    for key in place:
        parts = [_resolved(inner, schema) for part in parts for inner in _inner(part, key)]
        parts = [each for part in parts for each in (part, *part.get("anyOf", ()))]
        parts = [_resolved(part, schema) for part in parts]
    return {key for part in parts for key in part.get("properties", {})}


def _inner(part: dict[str, Any], key: str | int) -> list[dict[str, Any]]:
    if isinstance(key, int):
        found = part.get("items")
    else:
        found = part.get("properties", {}).get(key, part.get("additionalProperties"))
    return [found] if isinstance(found, dict) else []


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return schema["$defs"][name] if name else part
