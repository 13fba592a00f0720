"""Who may ask: tokens, several valid at once so that they can be rotated, compared in constant time."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from fastapi import HTTPException, Request, status
from prometheus_client import Counter
from pydantic import SecretStr

# Chromium reads the first way alone, and asks a person for a password only where it is this one.
_REALM = {"WWW-Authenticate": 'Basic realm="poolmedic", Bearer realm="poolmedic"'}


class Access:
    """Knows digests only, so that comparing tells neither a token nor its length."""

    def __init__(self, tokens: Iterable[SecretStr], refused: Counter, *, takes_basic: bool) -> None:
        self._digests = tuple(_digest(token.get_secret_value().encode()) for token in tokens)
        self._refused = refused
        self._takes_basic = takes_basic

    async def __call__(self, request: Request) -> None:
        """Let the request pass, or answer 401 and count it."""
        given = self._given(request.headers.get("authorization", ""))
        # Every digest is compared, whichever one fits: the time says nothing.
        fits = [hmac.compare_digest(_digest(given), known) for known in self._digests]
        if not given or not any(fits):
            self._refused.inc()
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, "a valid token is needed", _REALM)

    def _given(self, header: str) -> bytes:
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "bearer":
            return value.strip().encode()
        if scheme.lower() == "basic" and self._takes_basic:
            return _password(value)
        return b""


def _password(value: str) -> bytes:
    """The token, which a browser sends as the password of any user."""
    try:
        return base64.b64decode(value, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
