"""Tokens: what comparing them could tell."""

import hmac
from contextlib import nullcontext

import pytest
from fastapi import HTTPException, Request
from prometheus_client import Counter
from pydantic import SecretStr

from worker.access import Access

TOKENS = ("token-of-today-0123456789", "token-of-old-0123456789")
LENGTH_OF_DIGEST = 32


def request(token: str) -> Request:
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize("token", [*TOKENS, "t", "another-token"])
async def test_every_token_is_compared_by_its_digest_whichever_fits(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time it takes tells neither which one fits nor how far or how long it is."""
    compare, compared = hmac.compare_digest, list[tuple[bytes, bytes]]()

    def watched(given: bytes, known: bytes) -> bool:
        compared.append((given, known))
        return compare(given, known)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    refused = Counter("refused", "By this test.", registry=None)
    access = Access(map(SecretStr, TOKENS), refused, takes_basic=False)
    with nullcontext() if token in TOKENS else pytest.raises(HTTPException, match="401"):
        await access(request(token))
    assert len(compared) == len(TOKENS)
    assert {len(each) for pair in compared for each in pair} == {LENGTH_OF_DIGEST}
