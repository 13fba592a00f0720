"""The links in messages, as the settings want them."""

from activities.invitation import Invitations
from worker.settings import Settings


def invitations_of(settings: Settings) -> Invitations | None:
    """Who signs them and knows them again; None where messages hold none."""
    if settings.public_url is None:
        return None
    return Invitations((key.get_secret_value() for key in settings.link_keys), str(settings.public_url))
