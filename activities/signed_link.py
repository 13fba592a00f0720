"""Links that carry what they are good for, signed: whoever alters one has a link for nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from pydantic import ValidationError

from workflows.models.base import Model


class LinkRefused(Exception):
    """The link is altered, too old, or signed by nobody who may; the message says which."""


class SignedLinks[M: Model]:
    """Signs with the first key and takes links of every one, so that keys can be rotated."""

    kind: type[M]
    path: str
    purpose: str
    """Mixed into the signature: a link made for one purpose is none for another."""
    valid: timedelta

    def __init__(self, keys: Iterable[str], public_url: str) -> None:
        self._address = f"{public_url.rstrip('/')}{self.path}/"
        self._signer = URLSafeTimedSerializer(
            list(keys)[::-1],  # the newest is to be the last
            salt=self.purpose,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def link(self, content: M) -> str:
        """The address that a page to people shows."""
        return self._address + quote(self._signer.dumps(content.model_dump(mode="json")), safe="")

    def read(self, token: str) -> M:
        """What the link is for; raises `LinkRefused`."""
        try:
            given = self._signer.loads(token, max_age=int(self.valid.total_seconds()))
            return self.kind.model_validate(given)
        except SignatureExpired as expired:
            raise LinkRefused(_describe_age(expired.date_signed or datetime.now(UTC))) from None
        except (BadSignature, ValidationError):
            raise LinkRefused("The link is not whole, or its key is not known here any more.") from None

    def made_at(self, token: str) -> datetime:
        """When a link was signed that `read` takes: pages of one incident have links of their own."""
        made: datetime
        _, made = self._signer.loads(token, return_timestamp=True)
        return made


def _describe_age(made: datetime) -> str:
    if made > datetime.now(UTC):
        return f"The link says it was made at {made:%H:%M:%S} UTC, which is still to come: two clocks differ."
    return f"The link is too old: it was made on {made:%Y-%m-%d}."
