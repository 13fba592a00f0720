"""Requests drawn from the interface's own description, and beside it: none is answered with the inside.

What is drawn follows `/openapi.json`: every path and method that it has, and every field of a body's schema,
right or of another kind; and then methods, paths, headers and bodies that it does not have.
"""

import asyncio
import base64
import itertools
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from temporalio.client import Client

from activities.ballot import Ballot, Ballots
from activities.invitation import Invitation, Invitations
from tests.e2e.webhook_stand import KEY, PUBLIC, READ_TOKEN, TOKEN, Stand, alert, bearer, payload, stand
from worker.payload_keys import PayloadKey

MOST = 350
SECONDS = 10.0
"""Of drawing; what is not drawn by then is left for the next time."""
CODEC_TOKEN = "token-of-codec-0123456789"
SEAL = PayloadKey("new", b"n" * 32)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "ODD")
INSIDE = re.compile(r"Traceback|File \"|site-packages|\.py\b|pydantic|\w+Error\b|temporalio|0x[0-9a-f]{6}")
ODD = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["..", "../healthz", "%00", "\x00", "%2e%2e"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

ODD_BODIES = (
    b"",
    b"\xff\xfe",
    b"null",
    b"9" * 5000,
    b"[" * 9000,
    b'{"payloads": ' + b"[" * 9000,
    b'{"payloads": [{"data": "="}]}',
    b"answer=approve",
    b"answer=reject&reason=%ff",
    b"by=ada",
    b"by=ada&" * 20,
)


class Call(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes


def of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a schema, as far as those of this document go."""
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "object" if "properties" in schema:
            needed = schema.get("required", ())
            fields = {name: of(inner) for name, inner in schema["properties"].items()}
            return st.fixed_dictionaries(
                {name: fields[name] for name in needed},
                optional={name: fields[name] for name in fields if name not in needed},
            )
        case "object":
            return st.dictionaries(st.text(max_size=8), of(schema["additionalProperties"]), max_size=3)
        case "array":
            return st.lists(of(schema["items"]), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum"), 10**6)
        case "string" if schema.get("format") == "date-time":
            return st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"])
    return st.text(max_size=20)


@st.composite
def spoilt(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Any:
    """One of the values, with something in it of another kind, missing, or more."""
    value = draw(values)
    for _ in range(draw(st.integers(0, 2))):
        inner = value
        while isinstance(inner, dict | list) and inner:
            keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
            place = draw(st.sampled_from(keys))
            if draw(st.booleans()):
                inner[place] = draw(JSON)
                break
            inner = inner[place]
    return value


def tokens(shop: str, run: str) -> list[str]:
    """Of links: good ones, and one of each that is signed for another purpose."""
    until = datetime.now(UTC) + timedelta(minutes=10)
    ballot = Ballot(target=shop, run=run, request="r1", by="ada", digest="d" * 32, until=until)
    links = (
        Invitations((KEY,), PUBLIC).link(Invitation(target=shop, run=run)),
        Ballots((KEY,), PUBLIC).link(ballot),
        Ballots((KEY,), PUBLIC).link(ballot.model_copy(update={"run": "no-run"})),
    )
    return [link.rpartition("/")[2] for link in links]


def headers() -> st.SearchStrategy[dict[bytes, bytes]]:
    """Tokens that are good somewhere, and anything that a header may hold."""
    line = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=20).map(
        lambda text: text.encode("latin-1").replace(b"\x7f", b"")
    )
    known = [bearer(token)["Authorization"].encode() for token in (TOKEN, TOKEN, READ_TOKEN, CODEC_TOKEN)]
    basic = b"Basic " + base64.b64encode(f"any:{READ_TOKEN}".encode())
    return st.fixed_dictionaries(
        {},
        optional={
            b"Authorization": st.sampled_from([*known, basic]) | line,
            b"Content-Type": st.sampled_from([b"application/json", b"text/plain"]) | line,
            b"Origin": line,
            b"traceparent": line | st.just(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            b"Accept": line,
            b"X-Forwarded-For": line,
        },
    )


def bodies(schema: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """JSON of the schema, right and wrong, forms, and bytes."""
    payload = st.fixed_dictionaries({"metadata": JSON, "data": JSON | st.just("eA==")})
    documents = spoilt(of(schema)) | st.fixed_dictionaries({"payloads": st.lists(payload, max_size=2)}) | JSON
    forms = st.dictionaries(
        st.sampled_from(["by", "answer", "reason", "x"]), st.text(max_size=12), max_size=4
    )
    return st.one_of(
        documents.map(lambda value: json.dumps(value).encode()),
        forms.map(lambda form: urlencode(form, errors="replace").encode()),
        st.binary(max_size=40),
        st.sampled_from(ODD_BODIES),
    )


@pytest.fixture
async def served(client: Client, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    """Everything that a webhook can serve, before incidents that nobody works at."""
    monkeypatch.setattr("worker.incidents.ANSWERED", timedelta(milliseconds=200))
    keys = (SecretStr(f"{SEAL.id}:{base64.b64encode(SEAL.secret).decode()}"),)
    async with stand(client, payload_keys=keys, codec_tokens=(SecretStr(CODEC_TOKEN),)) as running:
        yield running


def wrong(call: Call, answer: httpx.Response, documented: dict[str, Any]) -> str | None:
    """What is wrong with the answer, if anything is."""
    status, text = answer.status_code, answer.text
    if status >= 500 and status != 503:
        return "the request failed inside"
    if documented and str(status) not in documented["responses"]:
        return "nothing in the description says so"
    if status >= 400 and INSIDE.search(text):
        return "it tells of the inside"
    if status >= 400 and call.method != "HEAD" and not reason(answer):
        return "it does not say what is wrong"
    return None


def reason(answer: httpx.Response) -> str:
    """What the answer says is wrong: to machines, or to the person behind a link."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        told = answer.json()
        missing = ", ".join(name for name, is_there in told.items() if is_there is False)
        return str(told.get("detail", missing)).strip()
    problem = re.search(r'<p class="(?:problem|done)">(.+?)</p>', answer.text, re.DOTALL)
    return problem.group(1) if problem else ""


type Drawn = tuple[Call, str, dict[str, Any]]
"""A request, with the path it was made from, and its description where it follows that."""


class Interface(NamedTuple):
    """What can be asked."""

    operations: list[tuple[str, str, dict[str, Any]]]
    body: st.SearchStrategy[bytes]
    links: list[str]


async def interface_of(served: Stand) -> Interface:
    """Read from its own description, with an incident that links are good for."""
    document = (await served.http.get("/openapi.json", headers=bearer(READ_TOKEN))).json()
    delivery = document["paths"]["/alerts"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "$ref" not in json.dumps(delivery)
    assert (await served.post(alert(served.shop))).status_code == 200
    run = (await served.client.get_workflow_handle(f"pool/{served.shop}").describe()).run_id
    good = json.dumps(payload(alert(served.shop), alert(served.mail, status="resolved"))).encode()
    return Interface(
        operations=[
            (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ],
        body=st.just(good) | bodies(delivery),
        links=tokens(served.shop, run),
    )


@st.composite
def calls(draw: st.DrawFn, interface: Interface) -> Drawn:
    """Any request."""
    links = st.sampled_from(interface.links) | ODD.map(lambda text: quote(text, safe=""))
    method, template, operation = draw(st.sampled_from(interface.operations))
    token = draw(links) if "{token}" in template else "-"
    path = template.replace("{token}", token)
    if token in ("", ".", "..") or "/" in unquote(token):
        operation = {}  # another path, then
    if draw(st.integers(0, 5)) == 5:
        method, operation = draw(st.sampled_from(METHODS)), {}
    if draw(st.integers(0, 9)) == 9:
        path, operation = f"{path}/{quote(draw(ODD))}?{quote(draw(ODD))}", {}
    own = _let_in(template)
    given_headers = draw(headers()) | draw(st.sampled_from([own, own, own, {}]))
    return Call(method, path, given_headers, draw(interface.body)), template, operation


def _let_in(template: str) -> dict[bytes, bytes]:
    token = READ_TOKEN
    if template.startswith("/codec"):
        token = CODEC_TOKEN
    elif template == "/alerts":
        token = TOKEN
    return {b"Authorization": f"Bearer {token}".encode()}


def swept(interface: Interface) -> Iterator[Drawn]:
    """Every odd body where a body is taken, by whoever may."""
    for method, template, operation in interface.operations:
        links = interface.links if "{token}" in template else ["-"]
        for link, body in itertools.product(links, ODD_BODIES if method == "POST" else [b""]):
            yield (
                Call(method, template.replace("{token}", link), _let_in(template), body),
                template,
                operation,
            )


def ask_all(http: httpx.Client, interface: Interface) -> set[tuple[str, int]]:
    """Every path that was asked, with what it answered; raises what is wrong."""
    began, seen = time.monotonic(), set[tuple[str, int]]()

    @settings(
        max_examples=MOST,
        deadline=None,
        phases=[Phase.generate],  # to shrink what fails would take longer than all the rest
        suppress_health_check=list(HealthCheck),
    )
    @given(calls(interface))
    def ask_any(drawn: Drawn) -> None:
        if time.monotonic() - began < SECONDS:
            ask(drawn)

    def ask(drawn: Drawn) -> None:
        call, template, operation = drawn
        given_headers = list(call.headers.items())
        answer = http.request(call.method, call.path, headers=given_headers, content=call.body)
        seen.add((template, answer.status_code))
        assert wrong(call, answer, operation) is None, (call, answer.status_code, answer.text[:500])

    for each in swept(interface):
        ask(each)
    ask_any()
    return seen


async def test_no_request_is_answered_with_the_inside(served: Stand) -> None:
    interface = await interface_of(served)
    with httpx.Client(base_url=served.http.base_url, timeout=10, trust_env=False) as http:
        seen = await asyncio.to_thread(ask_all, http, interface)
    assert {path for path, _ in seen} == {path for _, path, _ in interface.operations}
    assert {200, 401, 403, 404, 405, 422, 503} <= {status for _, status in seen}
