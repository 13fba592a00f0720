"""Pages of an application's own monitors, asked over HTTP: hints for people that hold nothing else up."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from activities.application import FOR_A_HINT
from activities.profiles.library import load_profiles
from activities.profiles.profile import Pages, Profile
from tests.ports.application_stage import LIMIT, Page, read_instance, serve
from tests.ports.test_application_pages import METRICS, POOL, ok
from workflows.models.evidence import ApplicationPage
from workflows.models.reading import Known, Unavailable

CHECKOUTS = [
    {"borrower": "/orders", "held_seconds": 0.2},
    {"borrower": "/report", "held_seconds": 512.5},
]
QUERIES = {
    "slowest": [
        {
            "query_pattern": "SELECT 1 FROM a WHERE b = 'Ada'",
            "avg_duration_ms": 1500.0,
            "execution_count": 3,
        },
        {"query_pattern": "SELECT 2", "avg_duration_ms": 4.0, "execution_count": 900},
    ],
    "report": "as covet writes it",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def read_pages(
    client: httpx.AsyncClient, profile: Profile | None = None, *, hints: bool = True, **pages: Page | None
) -> ApplicationPage:
    """By path without its slash; what is not given is 404."""
    served = {"pool": ok(POOL | {"checkouts": CHECKOUTS}), "probe": ok({}), **pages}

    async def answer(path: str) -> Page | None:
        return served.get(path[1:], ("404 Not Found", b"{}"))

    async with serve(answer) as url:
        found = await read_instance(
            client, url, {"covetpy": profile or load_profiles()["covetpy"]}, hints=hints
        )
    assert isinstance(found, Known)
    return found.value


def with_pages(**changes: Any) -> Profile:
    """covetpy's profile, with other pages."""
    profile = load_profiles()["covetpy"]
    pages = Pages.model_validate(profile.pages.model_dump() | changes)
    return profile.model_copy(update={"pages": pages})


async def test_who_has_connections_for_longest_and_the_slowest_queries_are_told(
    client: httpx.AsyncClient,
) -> None:
    mine = await read_pages(client, queries=ok(QUERIES))
    assert isinstance(mine.checkouts, Known)
    assert [(one.borrower, one.held_seconds) for one in mine.checkouts.value] == [
        ("/report", 512.5),
        ("/orders", 0.2),
    ]
    assert isinstance(mine.queries, Known)
    assert [(one.text, one.mean_seconds, one.calls) for one in mine.queries.value] == [
        ("SELECT ? FROM a WHERE b = ?", 1.5, 3),
        ("SELECT ?", 0.004, 900),
    ]


async def test_a_quick_look_asks_for_neither(client: httpx.AsyncClient) -> None:
    asked = set[str]()

    async def answer(path: str) -> Page | None:
        asked.add(path)
        return ok(POOL | {"checkouts": CHECKOUTS})

    async with serve(answer) as url:
        found = await read_instance(client, url)
    assert isinstance(found, Known)
    assert (found.value.checkouts, found.value.queries) == (None, None)
    assert asked == {"/health", "/pool", "/probe"}


async def test_a_profile_that_names_neither_has_neither(client: httpx.AsyncClient) -> None:
    named = load_profiles()["covetpy"].pages.pool
    assert named is not None
    profile = with_pages(queries=None, pool=named.model_dump() | {"checkouts": None})
    mine = await read_pages(client, profile, queries=ok(QUERIES))
    assert (mine.checkouts, mine.queries) == (None, None)


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (("404 Not Found", b"{}"), "404 Not Found"),
        (("500 Internal Server Error", b"s3cret"), "500 Internal Server Error"),
        (("200 OK", b"<html>"), "not JSON"),
        (ok({"slowest": {}}), "no list"),
        (ok([]), "nothing at /slowest"),
        (ok({"slowest": [{"query_pattern": "SELECT 1"}, 7]}), "no entry at /slowest that can be read"),
    ],
)
async def test_a_page_of_queries_that_is_none_is_unavailable_with_the_reason_and_all_else_is_there(
    client: httpx.AsyncClient, page: Page, why: str
) -> None:
    mine = await read_pages(client, queries=page)
    assert isinstance(mine.queries, Unavailable)
    assert why in mine.queries.reason
    assert "/queries" in mine.queries.reason
    assert "s3cret" not in mine.queries.reason
    assert isinstance(mine.pool, Known)
    assert isinstance(mine.probe_seconds, Known)
    assert isinstance(mine.checkouts, Known)


async def test_a_page_of_queries_that_never_comes_holds_nothing_else_up(client: httpx.AsyncClient) -> None:
    began = time.monotonic()
    mine = await read_pages(client, queries=None, probe=None)
    assert time.monotonic() - began < LIMIT.total_seconds() + 0.4
    assert isinstance(mine.pool, Known)
    assert isinstance(mine.queries, Unavailable)
    assert "did not answer within" in mine.queries.reason


async def test_what_no_decision_needs_is_not_waited_for_as_long_as_the_rest() -> None:
    assert FOR_A_HINT.total_seconds() <= 1


async def test_the_page_of_queries_is_not_counted_among_the_requests_under_way(
    client: httpx.AsyncClient,
) -> None:
    reported = asyncio.Event()

    async def answer(path: str) -> Page | None:
        if path == "/queries":
            reported.set()
            return ok(QUERIES)
        await asyncio.sleep(0.05)
        return ok(POOL | {"requests_in_progress": 6 if reported.is_set() else 5})

    async with serve(answer) as url:
        found = await read_instance(client, url, hints=True)
    assert isinstance(found, Known)
    assert isinstance(found.value.pool, Known)
    assert found.value.pool.value.in_flight == 5
    assert isinstance(found.value.queries, Known)


@pytest.mark.parametrize(
    ("checkouts", "why"),
    [
        (None, "no list"),
        ("/report", "no list"),
        ([{"borrower": 7, "held_seconds": 1}], "/borrower is no text"),
        ([{"borrower": "/report", "held_seconds": "long"}], "/held_seconds is no amount of time"),
    ],
)
async def test_checkouts_that_are_none_leave_the_numbers(
    client: httpx.AsyncClient, checkouts: object, why: str
) -> None:
    mine = await read_pages(client, pool=ok(POOL | {"checkouts": checkouts}))
    assert isinstance(mine.checkouts, Unavailable)
    assert why in mine.checkouts.reason
    assert isinstance(mine.pool, Known)


async def test_without_its_pool_page_nobody_knows_who_has_the_connections(client: httpx.AsyncClient) -> None:
    for metrics in (ok(METRICS), ("404 Not Found", b"")):
        mine = await read_pages(client, pool=("503 Service Unavailable", b""), metrics=metrics)
        assert isinstance(mine.checkouts, Unavailable)
        assert "503 Service Unavailable" in mine.checkouts.reason


async def test_an_empty_list_is_known_to_be_empty(client: httpx.AsyncClient) -> None:
    mine = await read_pages(client, pool=ok(POOL | {"checkouts": []}), queries=ok({"slowest": []}))
    assert isinstance(mine.checkouts, Known)
    assert isinstance(mine.queries, Known)
    assert (mine.checkouts.value, mine.queries.value) == ((), ())


async def test_another_application_needs_no_code(client: httpx.AsyncClient) -> None:
    pool = load_profiles()["covetpy"].pages.pool
    assert pool is not None
    theirs = with_pages(
        pool=pool.model_dump() | {"checkouts": {"entries": "/who", "borrower": "/0", "since": "/1"}},
        queries={
            "path": "/stats",
            "entries": "/data/0/rows",
            "text": "/sql",
            "mean_seconds": "/time/mean",
        },
    )
    statistics = {"data": [{"rows": [{"sql": "SELECT 7", "time": {"mean": 2.5}}]}]}
    body = json.dumps(POOL | {"who": [["checkout.py:42", "2026-03-02T12:00:00Z"]]}).encode()
    mine = await read_pages(client, theirs, pool=ok(body), stats=ok(statistics))
    assert isinstance(mine.checkouts, Known)
    assert mine.checkouts.value[0].borrower == "checkout.py:42"
    assert mine.checkouts.value[0].held_seconds > 3600
    assert isinstance(mine.queries, Known)
    assert mine.queries.value[0].model_dump() == {"text": "SELECT ?", "mean_seconds": 2.5, "calls": None}
