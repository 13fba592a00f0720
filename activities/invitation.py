"""Signed links to take an incident: who has one may say that it is in hand, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from pydantic import ValidationError

from workflows.models.base import Model
from workflows.models.target import Name

PATH = "/acknowledge"
VALID = timedelta(days=7)
"""An incident that is older has other readers than the page that opened it."""
_PURPOSE = "poolmedic: acknowledge an incident"


class LinkRefused(Exception):
    """The link is altered, too old, or signed by nobody who may; the message says which."""


class Invitation(Model):
    """The one run that a link is for."""

    target: Name
    run: str


class Invitations:
    """Signs with the first key and takes links of every one, so that keys can be rotated."""

    def __init__(self, keys: Iterable[str], public_url: str) -> None:
        self._address = f"{public_url.rstrip('/')}{PATH}/"
        self._signer = URLSafeTimedSerializer(
            list(keys)[::-1],  # the newest is to be the last
            salt=_PURPOSE,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def link(self, invitation: Invitation) -> str:
        """The address that a page to people shows."""
        return self._address + quote(self._signer.dumps(invitation.model_dump(mode="json")), safe="")

    def read(self, token: str) -> Invitation:
        """What the link is for; raises `LinkRefused`."""
        try:
            return Invitation.model_validate(self._signer.loads(token, max_age=int(VALID.total_seconds())))
        except SignatureExpired as expired:
            raise LinkRefused(_describe_age(expired.date_signed or datetime.now(UTC))) from None
        except (BadSignature, ValidationError):
            raise LinkRefused("The link is not whole, or its key is not known here any more.") from None


def _describe_age(made: datetime) -> str:
    if made > datetime.now(UTC):
        return f"The link says it was made at {made:%H:%M:%S} UTC, which is still to come: two clocks differ."
    return f"The link is too old: it was made on {made:%Y-%m-%d}."
