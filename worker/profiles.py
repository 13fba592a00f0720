"""The metric profiles a target may name."""

from pathlib import Path

from activities.profiles.library import load_profiles
from activities.profiles.profile import Profile
from worker.config_text import parse
from worker.errors import ConfigurationRefused, Fault
from worker.settings import Settings
from workflows.errors import NotConfigured


def known_profiles(settings: Settings) -> dict[str, Profile]:
    """The ones that come along, and those of a folder of the user's own; raises `ConfigurationRefused`."""
    folder = settings.profiles or _named_in(settings.config)
    try:
        return load_profiles(*([folder] if folder else []))
    except NotConfigured as error:
        raise ConfigurationRefused("the metric profiles", (Fault("profiles", error.message),)) from error


def _named_in(configuration: Path) -> Path | None:
    """The folder that the file names, relative to itself; whatever is wrong with the file is told later."""
    try:
        data = parse(configuration.read_text(encoding="utf-8")).data
    except (OSError, UnicodeDecodeError):
        return None
    named = data.get("profiles") if isinstance(data, dict) else None
    return configuration.parent / named if named and isinstance(named, str) else None
