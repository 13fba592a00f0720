"""Pages as applications serve them: some lack what is asked for, some twist it, some never come."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import HttpUrl

from activities.application import FULL_POOL, HttpApplication
from activities.profiles.library import load_profiles
from tests.fakes import cases
from tests.ports import examples
from tests.ports.application_stage import LIMIT, Page, read_instance, serve
from workflows.errors import NotConfigured
from workflows.models.evidence import ApplicationPage, PoolState
from workflows.models.reading import Known, Unavailable

POOL: dict[str, Any] = {
    "started_at": "2026-03-02T12:00:00+00:00",
    "generation": 3,
    "size": 10,
    "checked_out": 4,
    "idle": 6,
    "waiting": 1,
    "requests_in_progress": 5,
    "timeouts_total": 17,
}
UNTOLD = {"timeouts_total", "waiting", "requests_in_progress"}
METRICS = b"""# HELP covet_db_connections_active Connections checked out of the pool
# TYPE covet_db_connections_active gauge
covet_db_connections_active 5.0
covet_db_connections_idle 3.0
covet_db_connection_pool_size 8.0
covet_db_connection_waiters 2.0
covet_http_requests_in_progress 6.0
covet_db_connection_timeouts_total{path="/a"} 3.0
covet_db_connection_timeouts_total{path="/b"} 4.0
covet_db_pool_config_generation 2.0
process_start_time_seconds 1.7724528e+09
covet_db_connections_active_of_something_else 99.0
"""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def read_pages(client: httpx.AsyncClient, **pages: Page | None) -> ApplicationPage:
    """By path without its slash; what is not given is 404."""

    async def answer(path: str) -> Page | None:
        return pages.get(path[1:], ("404 Not Found", b"{}"))

    async with serve(answer) as url:
        found = await read_instance(client, url)
    assert isinstance(found, Known)
    return found.value


def ok(document: object) -> Page:
    return "200 OK", document if isinstance(document, bytes) else json.dumps(document).encode()


async def test_a_missing_pool_page_is_stood_in_for_by_the_metrics(client: httpx.AsyncClient) -> None:
    mine = await read_pages(client, metrics=ok(METRICS), health=ok({"status": "fine"}))
    assert isinstance(mine.pool, Known)
    assert mine.pool.value == PoolState(active=5, idle=3, size=8, waiters=2, in_flight=6)
    assert isinstance(mine.timeouts_total, Known)
    assert mine.timeouts_total.value == 7
    assert mine.generation == 2
    assert isinstance(mine.started_at, Known)
    assert mine.started_at.value == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"size": "ten"},
        {"size": None},
        {"size": True},
        {"size": -1},
        {"size": 2.5},
        {"checked_out": []},
        {"idle": {}},
        {"idle": 10**400},
    ],
)
async def test_a_pool_page_that_shows_no_pool_is_stood_in_for_too(
    client: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    mine = await read_pages(client, pool=ok(POOL | change), metrics=ok(METRICS))
    assert isinstance(mine.pool, Known)
    assert mine.pool.value.size == 8


async def test_without_both_the_pool_is_unavailable_for_the_first_reason(client: httpx.AsyncClient) -> None:
    mine = await read_pages(client, pool=ok({"size": 10}), health=ok({"status": "fine"}))
    assert isinstance(mine.pool, Unavailable)
    assert "/checked_out" in mine.pool.reason
    assert mine.generation is None


async def test_a_number_that_is_missing_leaves_the_others(client: httpx.AsyncClient) -> None:
    page = {name: value for name, value in POOL.items() if name not in UNTOLD}
    mine = await read_pages(client, pool=ok(page | {"started_at": "yesterday", "generation": "x"}))
    assert isinstance(mine.pool, Known)
    assert mine.pool.value == PoolState(active=4, idle=6, size=10, waiters=None, in_flight=None)
    assert isinstance(mine.timeouts_total, Unavailable)
    assert isinstance(mine.started_at, Unavailable)
    assert mine.generation is None


HUGE = 10**400
"""JSON has no bound for a whole number, and no float is as large."""


@pytest.mark.parametrize(
    "mad",
    [
        {"pool": ok(POOL | {"started_at": HUGE})},
        {"pool": ok(dict.fromkeys(POOL, HUGE))},
        {"metrics": ok(METRICS.replace(b"active 5.0", b"active 5.0 %d" % HUGE))},
        {"metrics": ok(METRICS.replace(b"1.7724528e+09", b"%d" % HUGE))},
    ],
    ids=["start", "page", "time of a sample", "sample"],
)
async def test_a_number_without_measure_leaves_the_other_numbers_and_the_other_instances(
    client: httpx.AsyncClient, mad: dict[str, Page]
) -> None:
    async def answer_madly(path: str) -> Page | None:
        return mad.get(path[1:], ("404 Not Found", b"{}"))

    async def answer(path: str) -> Page | None:
        return ok(POOL) if path == "/pool" else ("404 Not Found", b"{}")

    target = cases.target(instances=2, profile="covetpy")
    async with serve(answer_madly) as first, serve(answer) as second:
        instances = tuple(
            instance.model_copy(update={"url": HttpUrl(url)})
            for instance, url in zip(target.instances, (first, second), strict=True)
        )
        port = HttpApplication(client, load_profiles(), limit=LIMIT)
        look = examples.look(target.model_copy(update={"instances": instances}))
        one, other = (await port.read_application(look)).instances.values()
    assert isinstance(one, Known)
    assert isinstance(one.value.started_at, Unavailable)
    assert isinstance(other, Known)
    assert isinstance(other.value.pool, Known)
    assert other.value.pool.value.active == 4


@pytest.mark.parametrize(
    "start", ["2026-03-02T12:00:00Z", "2026-03-02T13:00:00+01:00", 1772452800, 1772452800.0]
)
async def test_a_start_is_read_as_text_or_seconds(client: httpx.AsyncClient, start: object) -> None:
    mine = await read_pages(client, pool=ok(POOL | {"started_at": start}))
    assert isinstance(mine.started_at, Known)
    assert mine.started_at.value == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "start", ["2026-03-02T12:00:00", "", None, True, -5, 1e30, pytest.param(10**400, id="huge"), [1]]
)
async def test_a_start_that_is_no_moment_is_unavailable(client: httpx.AsyncClient, start: object) -> None:
    mine = await read_pages(client, pool=ok(POOL | {"started_at": start}))
    assert isinstance(mine.started_at, Unavailable)
    assert isinstance(mine.pool, Known)


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
async def test_numbers_that_are_none_are_unavailable(client: httpx.AsyncClient, literal: bytes) -> None:
    body = (
        json.dumps(POOL | {"checked_out": 0})
        .encode()
        .replace(b'"checked_out": 0', b'"checked_out": ' + literal)
    )
    mine = await read_pages(client, pool=ok(body))
    assert isinstance(mine.pool, Unavailable)


@pytest.mark.parametrize("line", [b"covet_db_connections_active NaN", b"covet_db_connections_active +Inf"])
async def test_metrics_that_are_no_numbers_are_unavailable(client: httpx.AsyncClient, line: bytes) -> None:
    body = METRICS.replace(b"covet_db_connections_active 5.0", line)
    assert isinstance((await read_pages(client, metrics=ok(body))).pool, Unavailable)


async def test_an_unwell_application_still_says_how_it_is(client: httpx.AsyncClient) -> None:
    document = {
        "status": "unhealthy",
        "checks": {"connection_pool": {"status": "critical"}, "disk": "ok", "x": 1.5},
    }
    mine = await read_pages(client, health=("503 Service Unavailable", json.dumps(document).encode()))
    assert mine.status == "unhealthy"
    assert mine.checks == {"connection_pool": "critical", "disk": "ok", "x": "unreadable"}


@pytest.mark.parametrize("body", [b"OK", b"{}", b'{"status": null}', b'{"status": {"a": 1}}', b"[]", b""])
async def test_a_health_page_without_a_word_is_told_as_such(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await read_pages(client, health=ok(body))).status.startswith("unreadable (200 OK)")


async def test_words_from_outside_are_cut_and_cleaned(client: httpx.AsyncClient) -> None:
    mine = await read_pages(
        client,
        health=ok(
            {
                "status": "fine\x1b[31m\n" + "x" * 500,
                "checks": {f"{'k' * 200}{i}": "y" * 500 for i in range(99)},
            }
        ),
    )
    assert len(mine.status) == 40
    assert mine.status.isprintable()
    assert len(mine.checks) <= 20
    assert all(len(name) <= 40 and len(word) <= 40 for name, word in mine.checks.items())


async def test_a_probe_that_fails_is_unavailable_with_its_status(client: httpx.AsyncClient) -> None:
    for status in ("503 Service Unavailable", "500 Internal Server Error", "302 Found", "404 Not Found"):
        mine = await read_pages(client, probe=(status, b'{"error": "s3cret"}'), pool=ok(POOL))
        assert isinstance(mine.probe_seconds, Unavailable)
        assert status in mine.probe_seconds.reason
        assert "s3cret" not in mine.probe_seconds.reason


@pytest.mark.parametrize(("checked_out", "is_full"), [(10, True), (9, False)])
async def test_a_query_through_a_full_pool_is_given_up_sooner(
    client: httpx.AsyncClient, checked_out: int, is_full: bool
) -> None:
    mine = await read_pages(client, probe=None, pool=ok(POOL | {"checked_out": checked_out}))
    assert isinstance(mine.probe_seconds, Unavailable)
    (waited,) = re.findall(r"did not answer within (\S+) s", mine.probe_seconds.reason)
    assert (float(waited) <= FULL_POOL.total_seconds()) is is_full


async def test_a_page_that_never_comes_does_not_hold_up_the_others(client: httpx.AsyncClient) -> None:
    began = time.monotonic()
    mine = await read_pages(client, health=None, probe=None, pool=ok(POOL))
    assert time.monotonic() - began < LIMIT.total_seconds() + 0.4
    assert mine.status.startswith("unavailable: ")
    assert isinstance(mine.pool, Known)


async def test_the_probe_is_not_counted_among_the_connections_in_use(client: httpx.AsyncClient) -> None:
    """It takes one of the pool's own: asked at the same time, a nearly full pool would look exhausted."""
    probed = asyncio.Event()

    async def answer(path: str) -> Page | None:
        if path == "/probe":
            probed.set()
            return ok({})
        await asyncio.sleep(0.05)
        return ok(POOL | {"checked_out": 10 if probed.is_set() else 9})

    async with serve(answer) as url:
        found = await read_instance(client, url)
    assert isinstance(found, Known)
    assert isinstance(found.value.pool, Known)
    assert found.value.pool.value.active == 9
    assert isinstance(found.value.probe_seconds, Known)


async def test_a_slow_pool_page_holds_the_probe_up_for_half_the_time_only(client: httpx.AsyncClient) -> None:
    began = time.monotonic()
    mine = await read_pages(client, pool=None, probe=ok({}))
    assert isinstance(mine.probe_seconds, Known)
    assert isinstance(mine.pool, Unavailable)
    mine = await read_pages(client, pool=None, probe=None, health=ok({}))
    assert isinstance(mine.probe_seconds, Unavailable)
    assert time.monotonic() - began < 2.4 * LIMIT.total_seconds()


async def test_the_stand_in_gets_what_is_left_of_the_time(client: httpx.AsyncClient) -> None:
    began = time.monotonic()
    mine = await read_pages(client, pool=None, metrics=None, health=ok({"status": "fine"}))
    assert time.monotonic() - began < LIMIT.total_seconds() + 0.4
    assert isinstance(mine.pool, Unavailable)


async def test_a_profile_this_worker_does_not_have_is_named(client: httpx.AsyncClient) -> None:
    with pytest.raises(NotConfigured, match="covetpy"):
        await read_instance(client, "http://127.0.0.1:9", {"other": load_profiles()["covetpy"]})
