"""Signed links to take an incident: who has one may say that it is in hand, and nothing else."""

from datetime import timedelta

from activities.signed_link import SignedLinks
from workflows.models.base import Model
from workflows.models.target import Name

PATH = "/acknowledge"
VALID = timedelta(days=7)
"""An incident that is older has other readers than the page that opened it."""


class Invitation(Model):
    """The one run that a link is for."""

    target: Name
    run: str


class Invitations(SignedLinks[Invitation]):
    """Makes them and knows them again."""

    kind, path, valid = Invitation, PATH, VALID
    purpose = "poolmedic: acknowledge an incident"
