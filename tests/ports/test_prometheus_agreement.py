"""Where we compute or write what Prometheus also does: both must say the same."""

import math
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest

from activities.histogram import quantile
from activities.http_source import HttpSource
from activities.prometheus_api import PrometheusApi
from activities.promql import quote, select
from deploy.local.state import State
from tests.fakes import cases
from tests.ports.history import History, serve
from tests.ports.past import NOW, ONE, Past, Remembering, known

NASTY = (
    'a"b',
    "a\\",
    "\\",
    "a\\nb",
    "a\nb",
    "a\rb\tc",
    "{job='x'}",
    '"} or vector(1) #',
    "a}b{c",
    "`tick`",
    "$active",
    "ü → 日本 🐘",
    "a\x01\x7fb",
    ".*",
    "x" * 3000,
)


@pytest.fixture
async def prometheus(stack_state: State) -> AsyncIterator[Remembering]:
    async with AsyncExitStack() as stack:
        yield Remembering(stack, stack_state)


@pytest.fixture(scope="module")
async def api(stack_state: State) -> AsyncIterator[PrometheusApi]:
    """Holds nothing but one histogram."""
    history, numbers = History(), random.Random(7)
    for case in range(40):
        counts = sorted(numbers.choices([0, 1, 2, 5, 20, 100, 1000], k=5))
        for bound, value in zip(("0.05", "0.1", "1", "5", "+Inf"), counts, strict=True):
            history.add("waits_bucket", {"case": str(case), "le": bound}, [(NOW.timestamp(), value)])
    async with serve(stack_state, history) as url, httpx.AsyncClient(trust_env=False) as client:
        yield PrometheusApi(HttpSource(client, "Prometheus"), url)


def generated(count: int) -> list[str]:
    """Text that is made of what could end a string, a matcher or a line."""
    numbers = random.Random(11)
    signs = [
        '"',
        "\\",
        "\n",
        "\r",
        "\t",
        "'",
        "`",
        "{",
        "}",
        "(",
        ")",
        ",",
        "=",
        "~",
        "!",
        "#",
        "$",
        "a",
        "é",
    ]
    return ["".join(numbers.choices(signs, k=numbers.randint(1, 12))) for _ in range(count)]


@pytest.mark.parametrize("value", [*NASTY, *generated(60)])
async def test_prometheus_reads_a_quoted_value_as_it_was(api: PrometheusApi, value: str) -> None:
    found = await api.query(f"absent({select('nothing', {'label': value})})", NOW)
    assert [series.labels for series in found] == [{"label": value}]


async def test_a_quoted_nul_is_read_as_one(api: PrometheusApi) -> None:
    found = await api.query(f"absent(nothing{{label={quote('a' + chr(0))}}})", NOW)
    assert found[0].labels == {"label": "a\0"}


@pytest.mark.parametrize("value", NASTY[:-1])
async def test_a_target_with_a_nasty_label_reads_its_own_series_only(
    prometheus: Remembering, value: str
) -> None:
    prometheus.target = cases.target(profile="covetpy", selector={"service": "orders", "team": value})
    past = Past(back=60)
    for team, active in ((value, 3.0), ("other", 9.0)):
        for metric, course in (("s_active", active), ("s_idle", 1.0), ("_pool_size", 10.0)):
            past.add(f"covet_db_connection{metric}", course, ONE, team=team)
    assert (await prometheus.read_one(past)).pool.active == 3


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
async def test_our_quantile_is_prometheuss(api: PrometheusApi, share: float) -> None:
    stored = await api.query("waits_bucket", NOW)
    theirs = {
        series.labels["case"]: series.samples[0].value
        for series in await api.query(f"histogram_quantile({share}, waits_bucket)", NOW)
    }
    for case, expected in theirs.items():
        buckets = {
            float(series.labels["le"]): series.samples[0].value
            for series in stored
            if series.labels["case"] == case
        }
        ours = quantile(share, buckets)
        assert (ours is None) == math.isnan(expected)
        if ours is not None:
            assert ours == pytest.approx(expected)


async def test_our_increase_is_prometheuss_where_nothing_is_at_the_edge(prometheus: Remembering) -> None:
    past = Past(back=600)
    past.add_pool()
    past.add("covet_db_connection_timeouts_total", lambda ago: (600 - ago) * 3)
    window = await prometheus.window_of_one(past, seconds=300)
    assert known(window.timeouts) == 900
    assert window.last_at - window.first_at == timedelta(minutes=5)
