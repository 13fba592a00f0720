"""What Temporal keeps, encrypted: payloads are sealed on their way out and opened on their way in."""

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from typing import override

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

from worker.errors import PayloadSealed
from worker.payload_keys import LONGEST_ID, SETTING, PayloadKey
from workflows.payloads import converter

ENCODING = b"binary/encrypted"
KEY = "poolmedic-key"
"""The metadata that tells a payload of ours from what others have encrypted: the id of its key."""
NONCE = 12
"""Bytes, drawn anew for every payload."""


class Sealing(PayloadCodec):
    """AES-256-GCM. The first key seals, every key opens; without any, payloads stay as they are.

    What was never sealed is opened as it is. What was sealed and does not open is an error always, also
    without keys: taken for something else, it would be another history than the one with the right key.
    """

    def __init__(self, keys: Sequence[PayloadKey], *, seals: bool = True) -> None:
        self._keys = tuple(keys)
        self._first = keys[0].id if keys and seals else None
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}

    @property
    def has_keys(self) -> bool:
        """Whether it seals anything."""
        return self._first is not None

    def like(self, example: Payload) -> "Sealing":
        """One that seals with the key of the example, or not at all; raises `PayloadSealed` without it."""
        self.open(example)
        name = _key_of(example)
        ordered = sorted(self._keys, key=lambda key: key.id != name)
        return Sealing(ordered, seals=name is not None)

    @override
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self.seal(payload) for payload in payloads]

    @override
    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self.open(payload) for payload in payloads]

    def seal(self, payload: Payload) -> Payload:
        """The payload whole, its own metadata too, in an encrypted one."""
        if self._first is None:
            return payload
        metadata = {"encoding": ENCODING, KEY: self._first.encode()}
        nonce = secrets.token_bytes(NONCE)
        sealed = self._ciphers[self._first].encrypt(nonce, payload.SerializeToString(), _bound(metadata))
        return Payload(metadata=metadata, data=nonce + sealed)

    def open(self, payload: Payload) -> Payload:
        """What is in it; raises `PayloadSealed`."""
        name = _key_of(payload)
        if name is None:
            return payload
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise PayloadSealed(
                f"a payload is encrypted with the key {name!r}, which {SETTING} does not hold here; add it"
            )
        nonce, sealed = payload.data[:NONCE], payload.data[NONCE:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, _bound(payload.metadata)))
        except (InvalidTag, ValueError, DecodeError):
            raise PayloadSealed(
                f"a payload that is encrypted with the key {name!r} does not open: it was altered, or "
                f"{SETTING} holds another key under this id here; give every process the same"
            ) from None


def _key_of(payload: Payload) -> str | None:
    """The id of its key; None where it is not one of ours."""
    if KEY not in payload.metadata:
        return None
    return payload.metadata[KEY].decode(errors="replace")[: LONGEST_ID + 1]


def _bound(metadata: Mapping[str, bytes]) -> bytes:
    """All of the metadata, as one text that no other metadata have: nothing in it can be exchanged."""
    parts = [part for name in sorted(metadata) for part in (name.encode(), metadata[name])]
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def sealing_converter(keys: Sequence[PayloadKey]) -> DataConverter:
    """The one converter, which seals where there are keys: failures' messages and stack traces as well."""
    return sealing_with(Sealing(keys))


def sealing_with(codec: Sealing) -> DataConverter:
    """The same, with this codec."""
    if not codec.has_keys:
        return dataclasses.replace(converter, payload_codec=codec)
    return dataclasses.replace(
        converter,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
