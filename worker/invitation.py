"""Signed links to take an incident: who has one may say that it is in hand, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from pydantic import SecretStr, ValidationError

from worker.errors import WorkerError
from workflows.models.base import Model, Moment
from workflows.models.target import Name

PATH = "/acknowledge"
VALID = timedelta(days=7)
"""An incident that is older has other readers than the page that opened it."""
_PURPOSE = "poolmedic: acknowledge an incident"


class LinkRefused(WorkerError):
    """The link is altered, too old, or signed by nobody who may; the message says what to do instead."""


class Invitation(Model):
    """The one incident that a link is for."""

    target: Name
    since: Moment
    """When the alert began that opened it."""


class Invitations:
    """Signs with the first key and takes links of every one, so that keys can be rotated."""

    def __init__(self, keys: Iterable[SecretStr], public_url: str) -> None:
        self._address = f"{public_url.rstrip('/')}{PATH}/"
        newest_last = [key.get_secret_value() for key in keys][::-1]
        self._signer = URLSafeTimedSerializer(
            newest_last,
            salt=_PURPOSE,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def link(self, invitation: Invitation) -> str:
        """The address that a page shows."""
        return self._address + quote(self._signer.dumps(invitation.model_dump(mode="json")), safe="")

    def read(self, token: str) -> Invitation:
        """What the link is for; raises `LinkRefused`."""
        try:
            return Invitation.model_validate(self._signer.loads(token, max_age=int(VALID.total_seconds())))
        except SignatureExpired as expired:
            made = expired.date_signed or datetime.now(UTC)
            raise LinkRefused(f"The link is too old: it was made on {made:%Y-%m-%d}.") from None
        except (BadSignature, ValidationError):
            raise LinkRefused("The link is not whole, or its key is not known here any more.") from None
