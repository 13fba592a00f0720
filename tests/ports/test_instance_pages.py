"""The pages that an act asks while it is under way: whatever comes, the act goes on in time."""

import asyncio
import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from pydantic import HttpUrl

from activities.instance_pages import InstancePages, PoolNow
from activities.profiles.profile import Page
from tests.ports import examples
from tests.ports.canned_server import Answer, Flood, canned, drip, drip_head, page, say_nothing
from tests.ports.container_stage import PROFILE, PROFILES
from workflows.errors import PoolmedicError, SourceNonsense, SourceUnavailable
from workflows.models.evidence import PoolState
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Instance

TARGET = examples.target()
LIMIT = timedelta(seconds=0.4)
SLACK = 1.6
"""Seconds that a busy machine may add."""


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> InstancePages:
    monkeypatch.setattr("activities.instance_pages.LIMIT", LIMIT)
    return InstancePages(PROFILES)


def at(url: str) -> Instance:
    return TARGET.instances[0].model_copy(update={"url": HttpUrl(url)})


async def ill(pages: InstancePages, url: str) -> tuple[str | None, float]:
    """From a thread, as an act asks; what it heard, and the seconds it took."""
    began = time.monotonic()
    told = await asyncio.to_thread(pages.illness, TARGET, at(url))
    return told, time.monotonic() - began


async def test_a_healthy_page_says_nothing_and_a_sick_one_what_it_is(pages: InstancePages) -> None:
    async with canned(page(b"{}"), page(b"{}", "503 Service Unavailable")) as server:
        assert (await ill(pages, server.url))[0] is None
        told, _ = await ill(pages, server.url)
    assert told == f"orders-1 ({server.url[7:]}) /health answered 503 Service Unavailable"


@pytest.mark.parametrize("answer", [say_nothing, drip, drip_head])
async def test_an_answer_that_does_not_end_is_left_in_time(pages: InstancePages, answer: Answer) -> None:
    async with canned(answer) as server:
        told, took = await ill(pages, server.url)
    assert told == f"orders-1 ({server.url[7:]}) /health did not answer within 0.4 s"
    assert took < LIMIT.total_seconds() + SLACK


async def test_a_flood_is_left_in_time(pages: InstancePages) -> None:
    async with canned(Flood()) as server:
        told, took = await ill(pages, server.url)
    assert told is not None
    assert took < LIMIT.total_seconds() + SLACK


async def test_a_name_that_is_long_looked_up_is_left_in_time(
    pages: InstancePages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*_given: Any, **_more: Any) -> Any:
        time.sleep(4)
        raise OSError("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    told, took = await ill(pages, "http://orders.example")
    assert told is not None
    assert "did not answer" in told
    assert took < LIMIT.total_seconds() + SLACK


async def test_credentials_of_an_address_stay_out_of_messages(pages: InstancePages) -> None:
    told, _ = await ill(pages, "http://medic:s3cret@127.0.0.1:9")
    assert told is not None
    assert told.startswith("orders-1 (127.0.0.1:9) /health cannot be reached")
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (page(b"<html>"), SourceNonsense),
        (page(b'{"size": "many"}'), SourceNonsense),
        (page(b"{}", "503 Service Unavailable"), SourceUnavailable),
        (drip, SourceUnavailable),
    ],
)
async def test_a_pool_page_that_says_no_size_is_an_error(
    pages: InstancePages, answer: Answer, error: type[PoolmedicError]
) -> None:
    async with canned(answer) as server:
        with pytest.raises(error, match=r"orders-1 \(127.*\) /pool "):
            await asyncio.to_thread(pages.pool, TARGET, at(server.url))


async def test_a_pool_page_says_size_and_generation(pages: InstancePages) -> None:
    async with canned(page(b'{"size": 20, "generation": 3}')) as server:
        assert await asyncio.to_thread(pages.pool, TARGET, at(server.url)) == PoolNow(20, 3)


USE = b'{"size": 20, "active": 3, "idle": 2, "waiters": 0}'


async def used(pages: InstancePages, url: str) -> tuple[Known[PoolState] | Unavailable, float]:
    began = time.monotonic()
    found = await asyncio.to_thread(pages.usage, TARGET, at(url))
    return found, time.monotonic() - began


async def test_a_pool_page_says_how_full_it_is(pages: InstancePages) -> None:
    async with canned(page(USE)) as server:
        found, _ = await used(pages, server.url)
    assert isinstance(found, Known)
    assert found.value == PoolState(active=3, idle=2, size=20, waiters=0)


async def test_the_metrics_page_stands_in_for_the_pool_page(pages: InstancePages) -> None:
    named = PROFILE.pages.model_copy(update={"metrics": Page(path="/metrics")})
    own = InstancePages({"covet": PROFILE.model_copy(update={"pages": named})})
    metrics = page(b"pool_active 4\npool_idle 1\npool_size 20\n", "200 OK")
    async with canned(page(b"{}", "503 Service Unavailable"), metrics) as server:
        found, _ = await used(own, server.url)
    assert isinstance(found, Known)
    assert found.value == PoolState(active=4, idle=1, size=20)


@pytest.mark.parametrize("answer", [say_nothing, drip_head, drip, page(b"<html>"), page(b'{"size": 20}')])
async def test_how_full_it_is_is_unavailable_in_time_where_no_page_says_it(
    pages: InstancePages, answer: Answer
) -> None:
    async with canned(answer) as server:
        found, took = await used(pages, server.url)
    assert isinstance(found, Unavailable)
    assert took < LIMIT.total_seconds() + SLACK


async def test_an_unknown_profile_is_unavailable_as_well() -> None:
    found, _ = await used(InstancePages({}), "http://127.0.0.1:9")
    assert found == Unavailable(reason="there is no metric profile covet")
