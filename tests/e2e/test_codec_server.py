"""`/codec/…` over real HTTP: whoever has a token reads what Temporal keeps encrypted, nobody else does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client

from deploy.local.temporal import Temporal, find_program
from tests.e2e.cli_stand import clean_environment
from tests.e2e.sealed_stand import client_with
from tests.e2e.webhook_stand import READ_TOKEN, TOKEN, Stand, alert, bearer, stand
from worker.body import CODEC
from worker.codec_server import MOST_PAYLOADS
from worker.payload_keys import PayloadKey
from worker.sealing import Sealing

NEW, OLD = PayloadKey("new", b"n" * 32), PayloadKey("old", b"o" * 32)
CODEC_TOKEN, OLD_CODEC_TOKEN = "token-of-codec-0123456789", "token-of-old-codec-0123456789"
ORIGIN = "https://temporal.example"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"request": "a1b2"}')


@pytest.fixture
async def served(client: Client) -> AsyncIterator[Stand]:
    keys = tuple(SecretStr(f"{key.id}:{base64.b64encode(key.secret).decode()}") for key in (NEW, OLD))
    tokens = (SecretStr(CODEC_TOKEN), SecretStr(OLD_CODEC_TOKEN))
    async with stand(client, payload_keys=keys, codec_tokens=tokens, codec_origin=ORIGIN) as running:
        yield running


def body(*payloads: Payload) -> dict[str, Any]:
    """As the Temporal UI sends them."""
    return MessageToDict(Payloads(payloads=payloads))


@pytest.mark.parametrize("token", [CODEC_TOKEN, OLD_CODEC_TOKEN])
async def test_what_was_sealed_with_any_key_is_opened(served: Stand, token: str) -> None:
    sealed = [Sealing([NEW]).seal(PLAIN), Sealing([OLD]).seal(PLAIN), PLAIN]
    answer = await served.http.post(
        "/codec/decode?preserveStorageRefs=true", json=body(*sealed), headers=bearer(token)
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == body(PLAIN, PLAIN, PLAIN)


async def test_what_is_encoded_is_sealed_with_the_first_key(served: Stand) -> None:
    answer = await served.http.post("/codec/encode", json=body(PLAIN), headers=bearer(CODEC_TOKEN))
    (sealed,) = answer.json()["payloads"]
    assert base64.b64decode(sealed["metadata"]["poolmedic-key"]) == b"new"
    assert base64.b64encode(PLAIN.data).decode() not in answer.text
    back = await served.http.post("/codec/decode", json=answer.json(), headers=bearer(CODEC_TOKEN))
    assert back.json() == body(PLAIN)


@pytest.mark.parametrize("page", ["/codec/decode", "/codec/encode"])
@pytest.mark.parametrize(
    "headers",
    [{}, bearer(f"{CODEC_TOKEN}x"), bearer(TOKEN), bearer(READ_TOKEN), {"Authorization": "Bearer"}],
)
async def test_without_a_token_of_its_own_nothing_is_told(
    served: Stand, page: str, headers: dict[str, str]
) -> None:
    sealed = body(Sealing([NEW]).seal(PLAIN))
    answer = await served.http.post(page, json=sealed, headers=headers | {"Origin": ORIGIN})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert served.refused("codec") == 1
    assert "payloads" not in answer.text


async def test_its_token_opens_nothing_else(served: Stand) -> None:
    assert (await served.post(alert(served.shop), token=CODEC_TOKEN)).status_code == 401
    assert (await served.http.get("/metrics", headers=bearer(CODEC_TOKEN))).status_code == 401


async def test_a_browser_gives_the_token_as_the_password_of_any_user(served: Stand) -> None:
    assert (await served.http.get("/codec/")).status_code == 401
    page = await served.http.get("/codec/", auth=("anybody", CODEC_TOKEN))
    assert (page.status_code, page.headers["x-frame-options"]) == (200, "DENY")


async def test_pages_of_one_site_alone_may_ask(served: Stand) -> None:
    sealed, token = body(Sealing([NEW]).seal(PLAIN)), bearer(CODEC_TOKEN)
    own = await served.http.post("/codec/decode", json=sealed, headers=token | {"Origin": ORIGIN})
    assert own.status_code == 200
    assert own.headers["access-control-allow-origin"] == ORIGIN
    assert own.headers["vary"] == "Origin"
    for origin in ("https://evil.example", "http://temporal.example", f"{ORIGIN}:8443", "null", ""):
        answer = await served.http.post("/codec/decode", json=sealed, headers=token | {"Origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
        assert "payloads" not in answer.text
    silent = await served.http.post("/codec/decode", json=sealed, headers=token)
    assert "access-control-allow-origin" not in silent.headers


async def test_a_browser_asks_before_and_needs_no_token_for_that(served: Stand) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = await served.http.options("/codec/decode", headers=asked | {"Origin": ORIGIN})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "X-Namespace" in answer.headers["access-control-allow-headers"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    other = await served.http.options("/codec/decode", headers=asked | {"Origin": "https://evil.example"})
    assert other.status_code == 403
    elsewhere = await served.http.options("/alerts", headers=asked | {"Origin": ORIGIN})
    assert elsewhere.status_code == 405
    assert "access-control-allow-origin" not in elsewhere.headers


async def test_a_key_that_is_not_there_is_named(served: Stand) -> None:
    sealed = Sealing([PayloadKey("lost", b"l" * 32)]).seal(PLAIN)
    answer = await served.http.post("/codec/decode", json=body(PLAIN, sealed), headers=bearer(CODEC_TOKEN))
    assert answer.status_code == 422
    assert "the key 'lost', which POOLMEDIC_PAYLOAD_KEYS does not hold" in answer.json()["detail"]


async def test_what_was_altered_is_not_told(served: Stand) -> None:
    sealed = Sealing([NEW]).seal(PLAIN)
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    answer = await served.http.post("/codec/decode", json=body(sealed), headers=bearer(CODEC_TOKEN))
    assert answer.status_code == 422
    assert "'new' does not open" in answer.json()["detail"]


async def test_too_much_is_refused(served: Stand) -> None:
    big = Payload(data=b"x" * CODEC.largest)
    answer = await served.http.post("/codec/decode", json=body(big), headers=bearer(CODEC_TOKEN))
    assert answer.status_code == 413
    many: dict[str, Any] = {"payloads": [{}] * (MOST_PAYLOADS + 1)}
    answer = await served.http.post("/codec/decode", json=many, headers=bearer(CODEC_TOKEN))
    assert (answer.status_code, str(MOST_PAYLOADS) in answer.json()["detail"]) == (413, True)
    largest = Sealing([NEW]).seal(Payload(data=b"x" * 2 * 1024 * 1024))
    answer = await served.http.post("/codec/decode", json=body(largest), headers=bearer(CODEC_TOKEN))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"payloads": null}',
        b'{"payloads": {"data": ""}}',
        b'{"payloads": [1]}',
        b'{"payloads": [null]}',
        b'{"payloads": ["a"]}',
        b'{"payloads": [{"data": 1}]}',
        b'{"payloads": [{"metadata": {"encoding": 1}}]}',
        b'{"payloads": [{"metadata": {"encoding": "\\ud800"}}]}',
        b'{"payloads": [{"metadata": []}]}',
    ],
)
async def test_what_is_no_payload_is_refused(served: Stand, content: bytes) -> None:
    answer = await served.http.post("/codec/decode", content=content, headers=bearer(CODEC_TOKEN))
    assert answer.status_code == 400, answer.text
    assert "payloads" in answer.json()["detail"]


async def test_the_description_says_that_it_needs_a_token(served: Stand) -> None:
    described = (await served.http.get("/openapi.json", headers=bearer(READ_TOKEN))).json()
    for path in ("/codec/decode", "/codec/encode"):
        assert described["paths"][path]["post"]["security"] == [{"token": []}]


async def test_without_tokens_nothing_is_served(webhook: Stand, client: Client) -> None:
    keys = (SecretStr(f"new:{base64.b64encode(NEW.secret).decode()}"),)
    async with stand(client, payload_keys=keys) as with_keys:
        for running in (webhook, with_keys):
            for page in ("/codec/decode", "/codec/encode"):
                answer = await running.http.post(page, json=body(PLAIN), headers=bearer(TOKEN))
                assert answer.status_code == 404
                pages = await running.http.post(
                    page, json=body(PLAIN), headers=bearer(TOKEN) | {"Origin": ORIGIN}
                )
                assert pages.status_code == 403


async def test_whoever_decodes_keeps_no_alert_out(served: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.http_app.MOST_BY_CODEC", 0)
    busy = await served.http.post(
        "/codec/decode", content=json.dumps(body(PLAIN)), headers=bearer(CODEC_TOKEN)
    )
    assert busy.status_code == 503
    assert (await served.post(alert(served.shop))).status_code == 200


async def test_the_temporal_command_reads_and_speaks_by_it(served: Stand, temporal_server: Temporal) -> None:
    client = await client_with(temporal_server, NEW)
    handle = await client.start_workflow(
        "Nobody", {"by": "the-mark"}, id=f"codec-{served.shop}", task_queue="nobody-polls-this"
    )
    try:
        shown = await _temporal(temporal_server, served, "show", "--output", "json", "-w", handle.id)
        assert base64.b64encode(b'{"by":"the-mark"}').decode() in shown
        said = '{"by": "the-word"}'
        await _temporal(temporal_server, served, "signal", "--name", "hear", "--input", said, "-w", handle.id)
        last = [event async for event in handle.fetch_history_events()][-1]
        (told,) = last.workflow_execution_signaled_event_attributes.input.payloads
        assert told.metadata["poolmedic-key"] == b"new"
        assert await client.data_converter.decode([told]) == [{"by": "the-word"}]
    finally:
        await handle.terminate("the test is over")


async def _temporal(temporal: Temporal, served: Stand, *arguments: str) -> str:
    """What `temporal workflow …` prints, told where the codec server is."""
    endpoint = str(served.http.base_url).rstrip("/") + "/codec"
    child = await asyncio.create_subprocess_exec(
        *(str(find_program()), "workflow", *arguments, "--address", temporal.address),
        *("--codec-endpoint", endpoint, "--codec-auth", f"Bearer {CODEC_TOKEN}"),
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(child.communicate(), 30)
    assert child.returncode == 0, err.decode()
    return out.decode()
