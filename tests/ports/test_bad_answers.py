"""What comes back wrong, late, too long or not at all: an error of ours, or an unavailable reading."""

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import httpx
import pytest
from pydantic import HttpUrl

from activities.alertmanager import AlertmanagerAlerts
from activities.application import HttpApplication
from activities.http_source import LIMIT, MAX_BYTES, HttpSource
from activities.profiles.library import load_profiles
from activities.prometheus import PrometheusMetrics
from tests.fakes import cases
from tests.ports.canned_server import Answer, Flood, canned, drip, page, raw, say_nothing
from workflows.errors import PoolmedicError, SourceNonsense, SourceRefused, SourceUnavailable
from workflows.models.reading import Known, Unavailable
from workflows.ports.requests import Look, WindowLook

SHORT = timedelta(seconds=0.4)
"""For what is to reach its limit; what comes at once has the product's own, busy as the machine may be."""
SLACK = timedelta(seconds=1.6)
HTML = page(b"<html><body>Sign in</body></html>", headers="Content-Type: text/html\r\n")
EMPTY_VECTOR = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
EITHER = (SourceNonsense, SourceUnavailable)
"""A flood meets the bound on size or the one on time; which comes first says how busy the machine is."""
ON_THE_WAY = 16 * 1024 * 1024
"""More than what the system itself takes from a sender before anybody reads it."""


MANY_LABELS = ",".join(f'label{number}="x"' for number in range(75_000))
"""More than a megabyte, over which the parser of metrics would sit for ten seconds."""
LONGEST_STALL = 1.0
"""Seconds for which the loop does nothing else; loose, for a machine that does other things too."""


class Broken(NamedTuple):
    """What comes back, what it is called, and how long it may take."""

    answer: Answer
    error: type[PoolmedicError] | tuple[type[PoolmedicError], ...]
    limit: timedelta = LIMIT


BROKEN: dict[str, Broken] = {
    "a page for people": Broken(HTML, SourceNonsense),
    "a metric of many labels": Broken(
        page(f"covet_db_connections_active{{{MANY_LABELS}}} 5\n".encode()), SourceNonsense
    ),
    "many metrics": Broken(page(b'covet_db_connections_active{a="b"} 5\n' * 50_000), SourceNonsense),
    "metrics as long as they may be": Broken(
        page(b'covet_db_connections_active{a="%b"} 5\n' % (b'\\"' * 2_000) * 60), SourceNonsense
    ),
    "nothing but lines": Broken(page(b"\n" * MAX_BYTES), SourceNonsense),
    "nothing": Broken(page(b""), SourceNonsense),
    "truncated JSON": Broken(page(b'{"status":"success","data":{"resu'), SourceNonsense),
    "another JSON": Broken(page(b'{"hello": "world"}'), SourceNonsense),
    "a wrong type": Broken(page(EMPTY_VECTOR.replace(b"[]", b'"none"')), SourceNonsense),
    "deep JSON": Broken(page(b"[" * 100_000), SourceNonsense),
    "a broken off answer": Broken(page(b'{"status"', claims=500), SourceUnavailable),
    "no HTTP": Broken(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), SourceUnavailable),
    "the end of the connection": Broken(raw(b""), SourceUnavailable),
    "silence": Broken(say_nothing, SourceUnavailable, SHORT),
    "an answer without end": Broken(drip, SourceUnavailable, SHORT),
    "a flood": Broken(Flood(), EITHER, SHORT),
    "what was not asked for": Broken(
        page(gzip.compress(EMPTY_VECTOR), headers="Content-Encoding: gzip\r\n"),
        SourceNonsense,
    ),
    "a redirect": Broken(page(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"), SourceRefused),
    "no rights": Broken(page(b"", "403 Forbidden"), SourceRefused),
    "no such page": Broken(page(b"", "404 Not Found"), SourceRefused),
    "too many": Broken(page(b"", "429 Too Many Requests"), SourceUnavailable),
    "its own trouble": Broken(page(b"", "503 Service Unavailable"), SourceUnavailable),
    "an unheard-of status": Broken(page(b"", "599 What"), SourceUnavailable),
}
SUBJECT = cases.target(profile="covetpy")
PROFILES = load_profiles()
LOOK = Look(target=SUBJECT, policy=cases.policy(), alert_name=cases.ALERT)


@contextlib.asynccontextmanager
async def stalls() -> AsyncIterator[list[float]]:
    """Gets, while the block runs, by how many seconds the loop was late every time."""
    late = [0.0]

    async def tick() -> None:
        while True:
            asked = time.monotonic()
            await asyncio.sleep(0.005)
            late.append(time.monotonic() - asked - 0.005)

    ticking = asyncio.create_task(tick())
    try:
        yield late
        await asyncio.sleep(0.01)
    finally:
        ticking.cancel()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture(params=list(BROKEN.values()), ids=list(BROKEN))
def broken(request: pytest.FixtureRequest) -> Broken:
    found: Broken = request.param
    return found


async def test_metrics_raise_one_of_our_errors_in_time(client: httpx.AsyncClient, broken: Broken) -> None:
    async with canned(broken.answer) as server:
        port = PrometheusMetrics(client, server.url, PROFILES, limit=broken.limit)
        began = time.monotonic()
        with pytest.raises(broken.error, match="Prometheus") as raised:
            await port.read_metrics(LOOK)
        took = time.monotonic() - began
    assert took < (broken.limit + SLACK).total_seconds()
    assert "hello" not in str(raised.value)


async def test_the_window_raises_them_too(client: httpx.AsyncClient, broken: Broken) -> None:
    now = datetime.now(UTC)
    look = WindowLook(target=SUBJECT, since=now - timedelta(minutes=5), until=now, step=timedelta(seconds=15))
    async with canned(broken.answer) as server:
        port = PrometheusMetrics(client, server.url, PROFILES, limit=broken.limit)
        with pytest.raises(broken.error):
            await port.read_window(look)


async def test_silences_raise_them_too(client: httpx.AsyncClient, broken: Broken) -> None:
    async with canned(broken.answer) as server:
        port = AlertmanagerAlerts(client, server.url, limit=broken.limit)
        with pytest.raises(broken.error, match="Alertmanager"):
            await port.read_silence(LOOK)


async def test_so_they_do_where_only_the_alerts_can_be_read(
    client: httpx.AsyncClient, broken: Broken
) -> None:
    """No alert is listed, so that it rests with the silences."""
    async with canned(page(b"[]"), broken.answer) as server:
        port = AlertmanagerAlerts(client, server.url, limit=broken.limit)
        with pytest.raises(broken.error, match="Alertmanager"):
            await port.read_silence(LOOK)


async def test_an_application_that_answers_so_has_no_reading_in_time(
    client: httpx.AsyncClient, broken: Broken
) -> None:
    async with canned(broken.answer) as server:
        instance = SUBJECT.instances[0].model_copy(update={"url": HttpUrl(server.url)})
        subject = SUBJECT.model_copy(update={"instances": (instance,)})
        port = HttpApplication(client, PROFILES, limit=broken.limit)
        began = time.monotonic()
        async with stalls() as longest:
            reading = await port.read_application(LOOK.model_copy(update={"target": subject}))
        took = time.monotonic() - began
    assert took < (broken.limit + SLACK).total_seconds()
    assert max(longest) < LONGEST_STALL
    found = reading.instances["orders-1"]
    if isinstance(found, Known):
        assert isinstance(found.value.pool, Unavailable)
        assert found.value.pool.reason
        assert isinstance(found.value.timeouts_total, Unavailable)


async def test_what_prometheus_says_of_a_query_is_told_cleaned(client: httpx.AsyncClient) -> None:
    told = json.dumps({"status": "error", "error": "bad\x1b[31m\u202e data\n" + "x" * 5000}).encode()
    async with canned(page(told, "400 Bad Request")) as server:
        port = PrometheusMetrics(client, server.url, PROFILES, limit=LIMIT)
        with pytest.raises(SourceRefused, match=r"400 Bad Request: bad \[31m data x+…") as raised:
            await port.read_metrics(LOOK)
    assert len(raised.value.message) < 300


async def test_credentials_of_an_address_stay_out_of_messages(client: httpx.AsyncClient) -> None:
    for port in (
        PrometheusMetrics(client, "http://medic:s3cret@127.0.0.1:9", PROFILES, limit=LIMIT),
        AlertmanagerAlerts(client, "http://medic:s3cret@127.0.0.1:9", limit=LIMIT),
    ):
        with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1:9") as raised:
            await (port.read_metrics if isinstance(port, PrometheusMetrics) else port.read_silence)(LOOK)
        chain = [raised.value, raised.value.__cause__, raised.value.__context__]
        assert not any("s3cret" in str(error) for error in chain)


async def test_a_connection_lost_between_questions_is_not_an_outage(client: httpx.AsyncClient) -> None:
    """A restarted server has closed what the client kept open."""
    async with canned(page(b"first"), raw(b""), page(b"second")) as server:
        source = HttpSource(client, "somebody", LIMIT)
        assert (await source.get(server.url)).body == b"first"
        assert (await source.get(server.url)).body == b"second"


async def test_an_answer_may_be_as_long_as_the_bound_and_no_longer(client: httpx.AsyncClient) -> None:
    source = HttpSource(client, "somebody", LIMIT, max_bytes=1000)
    async with canned(page(b"x" * 1000), page(b"x" * 1001)) as server:
        assert len((await source.get(server.url)).body) == 1000
        with pytest.raises(SourceNonsense, match="more than 1000 bytes"):
            await source.get(server.url)


async def test_a_flood_is_left_at_the_bound(client: httpx.AsyncClient) -> None:
    """Judged by what the sender got rid of: how long that takes is the machine's affair."""
    flood = Flood()
    async with canned(flood) as server:
        with pytest.raises(SourceNonsense, match=f"more than {MAX_BYTES} bytes"):
            await HttpSource(client, "somebody", timedelta(seconds=20)).get(server.url)
    assert MAX_BYTES < flood.sent < MAX_BYTES + ON_THE_WAY


async def test_a_compressed_answer_is_refused_by_name(client: httpx.AsyncClient) -> None:
    """It could be small on the way and anything afterwards."""
    compressed = page(gzip.compress(b" " * 10_000_000), headers="Content-Encoding: gzip\r\n")
    async with canned(compressed) as server:
        with pytest.raises(SourceNonsense, match="encoding gzip"):
            await HttpSource(client, "somebody", LIMIT).get(server.url)


async def test_one_question_that_fails_leaves_the_others(client: httpx.AsyncClient) -> None:
    """Everything is empty but well-formed, only the rules are nonsense."""
    matrix = page(EMPTY_VECTOR.replace(b"vector", b"matrix"))

    async def answer(writer: asyncio.StreamWriter, head: bytes) -> None:
        await (HTML if head.startswith(b"GET /api/v1/rules") else matrix)(writer, head)

    async with canned(answer) as server:
        port = PrometheusMetrics(client, server.url, PROFILES, limit=LIMIT)
        reading = await port.read_metrics(LOOK)
    assert isinstance(reading.alert_firing, Unavailable)
    assert "not as Prometheus does" in reading.alert_firing.reason
    assert isinstance(reading.instances["orders-1"], Unavailable)


async def test_a_metrics_page_that_is_too_much_is_named_with_the_remedy(client: httpx.AsyncClient) -> None:
    for answer, told in (
        (BROKEN["a metric of many labels"].answer, "a line of more than 4096 characters"),
        (BROKEN["many metrics"].answer, "more than 2000 lines or 262144 characters"),
    ):
        async with canned(answer) as server:
            instance = SUBJECT.instances[0].model_copy(update={"url": HttpUrl(server.url)})
            subject = SUBJECT.model_copy(update={"instances": (instance,)})
            port = HttpApplication(client, PROFILES, limit=LIMIT)
            reading = await port.read_application(LOOK.model_copy(update={"target": subject}))
        found = reading.instances["orders-1"]
        assert isinstance(found, Known)
        assert isinstance(found.value.pool, Unavailable)
        assert f"its metrics page /metrics has {told} with names of the profile" in found.value.pool.reason
        assert found.value.pool.reason.endswith("give these metrics fewer labels, or the profile a pool page")
