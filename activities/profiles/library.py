"""The profiles this worker knows: the ones it comes with, and those of a folder of the user's own."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from activities.profiles.profile import Profile
from workflows.errors import NotConfigured

BUILT_IN = resources.files("activities.profiles")
_REMEDIES = {
    "extra_forbidden": "there is no such key; docs/profiles.md lists them",
    "missing": "must be there; docs/profiles.md says what it means",
}


@cache
def built_in() -> dict[str, Profile]:
    """The ones that come along."""
    return load_profiles()


def load_profiles(*folders: Path) -> dict[str, Profile]:
    """Every profile by the name of its file; a later folder's replaces an earlier one's.

    Raises NotConfigured with the file and the path inside it.
    """
    found = {_name(file): _load(file) for file in _files(BUILT_IN)}
    for folder in folders:
        found |= {_name(file): _load(file) for file in _files(folder)}
    return found


def _files(folder: Traversable) -> list[Traversable]:
    try:
        return sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=_name)
    except OSError as exc:
        raise NotConfigured(
            f"metric profiles: {folder} cannot be read ({exc.strerror}); name a folder that is there"
        ) from exc


def _name(file: Traversable) -> str:
    return file.name.removesuffix(".yaml")


def _load(file: Traversable) -> Profile:
    try:
        profile = Profile.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise NotConfigured(f"metric profile {file.name} cannot be read: {exc}") from exc
    except ValidationError as exc:
        raise NotConfigured(f"metric profile {file.name}: {_describe(exc)}") from exc
    return profile.named(_name(file))


def _describe(error: ValidationError) -> str:
    return "; ".join(map(_told, error.errors(include_url=False, include_context=False)))


def _told(found: ErrorDetails) -> str:
    """A fault of the whole names the keys it is about itself."""
    said = _REMEDIES.get(found["type"]) or found["msg"].removeprefix("Value error, ")
    path = ".".join(map(str, found["loc"]))
    return f"{path}: {said.replace('Input should', 'should')}" if path else said
