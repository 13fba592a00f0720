"""The metric profiles a target may name."""

from activities.profiles.library import load_profiles
from activities.profiles.profile import Profile
from worker.errors import ConfigurationRefused, Fault
from worker.settings import Settings
from workflows.errors import NotConfigured


def known_profiles(settings: Settings) -> dict[str, Profile]:
    """The ones that come along, and those of the folder in the settings; raises `ConfigurationRefused`."""
    folders = [settings.profiles] if settings.profiles else []
    try:
        return load_profiles(*folders)
    except NotConfigured as error:
        raise ConfigurationRefused("the metric profiles", (Fault("profiles", error.message),)) from error
