"""Signed links to answer one request for approval: each is one person's, for one effect, until it expires."""

from datetime import UTC, datetime, timedelta
from typing import override

from activities.signed_link import LinkRefused, SignedLinks
from workflows.models import text
from workflows.models.base import Model, Moment
from workflows.models.target import Name

PATH = "/approvals"
AFTERGLOW = timedelta(days=1)
"""After its request expired a link opens this much longer, to tell what became of the request. Whether an
answer comes too late is judged where it counts, by the clock that the request was dated by."""


class Ballot(Model):
    """Who may answer what: everything that the link is bound to."""

    target: Name
    run: str
    request: str
    by: text.Name
    digest: str
    """Of what the person was shown."""
    until: Moment


class Ballots(SignedLinks[Ballot]):
    """Makes them and knows them again."""

    kind, path = Ballot, PATH
    purpose = "poolmedic: answer a request for approval"
    valid = timedelta(days=366)
    """No request is open for longer; each says itself until when it is good."""

    @override
    def read(self, token: str) -> Ballot:
        """What the link is for; raises `LinkRefused`."""
        ballot = super().read(token)
        if datetime.now(UTC) > ballot.until + AFTERGLOW:
            raise LinkRefused(f"The link is too old: it was good until {ballot.until:%Y-%m-%d %H:%M:%S} UTC.")
        return ballot
