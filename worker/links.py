"""The links in messages, as the settings want them."""

from activities.ballot import Ballots
from activities.invitation import Invitations
from worker.config import Configuration
from worker.errors import ConfigurationRefused, Fault
from worker.settings import Settings

_NO_KEY = Fault(
    "POOLMEDIC_LINK_KEYS",
    "is not set, but `approval.routes` sends links that it signs; set it and POOLMEDIC_PUBLIC_URL, or leave "
    "`approval.routes` out",
)


def invitations_of(settings: Settings) -> Invitations | None:
    """Who signs them and knows them again; None where messages hold none."""
    if settings.public_url is None:
        return None
    return Invitations((key.get_secret_value() for key in settings.link_keys), str(settings.public_url))


def ballots_of(settings: Settings) -> Ballots | None:
    """The same, for links by which one person answers a request."""
    if settings.public_url is None:
        return None
    return Ballots((key.get_secret_value() for key in settings.link_keys), str(settings.public_url))


def require_keys(settings: Settings, configuration: Configuration) -> None:
    """Raises `ConfigurationRefused` where people are to be sent links that nobody can sign."""
    if not settings.link_keys and any(each.approval.routes for each in configuration.policies.values()):
        raise ConfigurationRefused("the environment", (_NO_KEY,))
