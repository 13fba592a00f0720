"""The dashboard for Grafana: a model of Grafana's own, and every query answered by a real Prometheus."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.local import prometheus
from deploy.local.state import State
from tests.e2e.target_stand import Target, hold, until
from tests.e2e.webhook_stand import READ_TOKEN, Stand

FILE = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "pool.json"
SERVICE, INSTANCE = "orders", "orders-1"
NOT_TO_BE_SEEN_HERE = re.compile(r" offset \d+[hdw]")
"""A server of this test remembers seconds. What is asked of a day before is asked of now."""


def read() -> dict[str, Any]:
    board: dict[str, Any] = json.loads(FILE.read_text())
    return board


def queries() -> list[str]:
    asked = [target["expr"] for panel in read()["panels"] for target in panel["targets"]]
    return asked + [annotation["expr"] for annotation in read()["annotations"]["list"]]


def fill(query: str) -> str:
    """As Grafana does before it asks."""
    values = {"service": SERVICE, "instance": ".*", "__rate_interval": "10s"}
    return re.sub(r"\$(\w+)", lambda name: values[name[1]], NOT_TO_BE_SEEN_HERE.sub("", query))


@pytest.fixture
async def metrics(
    stack_state: State, target: Target, webhook: Stand, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Prometheus that scrapes the drill's application and poolmedic, with the project's rules."""
    token = tmp_path / "token"
    token.write_text(READ_TOKEN)
    settings = prometheus.Settings(
        name="dashboard",
        scrape_interval="1s",
        scrape_timeout="1s",
        waits={"DatabaseConnectionPoolExhausted": "0s"},
        jobs={"poolmedic": prometheus.Job(webhook.http.base_url.netloc.decode(), token)},
    )
    watched = prometheus.Application(target.client.base_url.netloc.decode(), SERVICE, INSTANCE)
    async with (
        prometheus.serve(stack_state, settings, [watched]) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as client,
    ):
        yield client


def test_it_is_a_dashboard_as_grafana_knows_it() -> None:
    """What Grafana's own types do not know is lost on the way through them."""
    board = read()
    assert is_kept(board, json.loads(JSONEncoder().encode(Dashboard.from_json(board)))) == []


def is_kept(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where a value of ours is not found again."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [lost for key in ours for lost in is_kept(ours[key], theirs.get(key), f"{path}/{key}")]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            lost
            for index, (a, b) in enumerate(zip(ours, theirs, strict=True))
            for lost in is_kept(a, b, f"{path}/{index}")
        ]
    return [] if ours == theirs else [path]


def test_no_two_panels_share_a_place_or_a_number() -> None:
    panels = read()["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["description"] for panel in panels)


async def test_every_query_is_answered_before_or_while_a_pool_is_exhausted(
    metrics: httpx.AsyncClient, target: Target, webhook: Stand
) -> None:
    """Nothing returns to a pool that leaked full, so its hold time is told before; failures only then."""
    unanswered = set(queries())

    async def are_answered(asked: set[str]) -> bool:
        await hold(target, 10, 2)
        await webhook.post()
        for query in sorted(asked & unanswered):
            if await values(metrics, fill(query)):
                unanswered.discard(query)
        return not asked & unanswered

    try:
        await until(lambda: are_answered({query for query in queries() if "hold_time" in query}), 20)
        await target.leak(sessions=4)
        await until(lambda: are_answered(set(queries())), 20)
    except AssertionError:
        pytest.fail("no answer to " + "\n".join(sorted(unanswered)))
    assert unanswered == set()


async def values(metrics: httpx.AsyncClient, query: str) -> list[float]:
    """Numbers of an answer, without NaN; fails where Prometheus refuses the query."""
    answer = (await metrics.get("/api/v1/query", params={"query": query})).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    numbers = [float(series["value"][1]) for series in answer["data"]["result"]]
    return [number for number in numbers if number == number]


async def test_its_variables_list_what_is_scraped(metrics: httpx.AsyncClient) -> None:
    listed = {}
    for variable in read()["templating"]["list"]:
        if found := re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]):
            listed[variable["name"]] = (fill(found[1]), found[2])
    assert listed.keys() == {"service", "instance"}

    async def are_listed() -> bool:
        answers = [
            (await metrics.get(f"/api/v1/label/{label}/values", params={"match[]": series})).json()["data"]
            for series, label in listed.values()
        ]
        return answers == [[SERVICE], [INSTANCE]]

    await until(are_listed, 15)
