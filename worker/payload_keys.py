"""The keys that encrypt what Temporal keeps, as the setting writes them: `id:base64`."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

SETTING = "POOLMEDIC_PAYLOAD_KEYS"
BYTES = 32
LONGEST_ID = 32
_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_ID - 1}}}")
_REMEDY = "make a key with `openssl rand -base64 32`, and write id:key"


@dataclass(frozen=True)
class PayloadKey:
    """Of AES-256; its `id` stands readable beside all that it encrypts."""

    id: str
    secret: bytes = field(repr=False)


def read_payload_keys(entries: Iterable[str]) -> tuple[PayloadKey, ...]:
    """Keys in their order; raises `ValueError`, which names an entry by its place: all of it may be a key."""
    keys: list[PayloadKey] = []
    for number, entry in enumerate(entries, 1):
        try:
            key = _read(entry)
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}; {_REMEDY}") from None
        if key.id in {other.id for other in keys}:
            raise ValueError(f"entry {number}: its id is that of an earlier one; give every key its own id")
        keys.append(key)
    return tuple(keys)


def _read(entry: str) -> PayloadKey:
    name, separator, secret = entry.partition(":")
    if not separator:
        raise ValueError("there is no `:` between an id and a key")
    if not _ID.fullmatch(name):
        raise ValueError(f"its id is not 1 to {LONGEST_ID} letters, digits, dots, dashes or underscores")
    try:
        found = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("its key is not base64") from None
    if len(found) != BYTES:
        raise ValueError(f"its key is not {BYTES} bytes long")
    return PayloadKey(name, found)
