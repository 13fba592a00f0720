"""Prometheus as a source: pools, traffic and the alert now, and every instance over the clear window."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import override

import httpx
from temporalio import activity

from activities import alert_state, curves, metrics_now, metrics_window
from activities.attempt import attempt
from activities.curves import Curves
from activities.http_source import LIMIT, HttpSource, name_of
from activities.profiles.profile import Profile
from activities.prometheus_api import PrometheusApi
from activities.scraped import Asked
from workflows.errors import NotConfigured, PoolmedicError
from workflows.models.evidence import MetricsReading
from workflows.models.reading import Known
from workflows.models.target import Target
from workflows.models.verdict import WindowReading
from workflows.ports.activities import Metrics
from workflows.ports.requests import Look, WindowLook

LEAST_LOOKBACK = timedelta(minutes=10)
MARGIN = timedelta(minutes=5)
"""Beyond the time that a pool must be full: so much longer it can be seen to have been."""


def _now() -> datetime:
    return datetime.now(UTC)


class PrometheusMetrics(Metrics):
    """Every reading is one round of questions, side by side; none takes longer than `limit`.

    `client` is kept warm by the caller, and carries what Prometheus asks for as credentials. `clock` must
    agree with Prometheus's to within a few seconds.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        profiles: Mapping[str, Profile],
        *,
        limit: timedelta = LIMIT,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._api = PrometheusApi(HttpSource(client, name_of("Prometheus", url), limit), url)
        self._profiles = profiles
        self._clock = clock

    @activity.defn
    @override
    async def read_metrics(self, look: Look) -> MetricsReading:
        """Raises what the question for the pools raised: without them the rest says nothing."""
        profile, now = self._profile(look.target), self._clock()
        lookback = max(LEAST_LOOKBACK, look.policy.thresholds.full_for + MARGIN)
        questions = metrics_now.questions(profile, look.target.selector, lookback)
        asked, is_firing = await asyncio.gather(
            self._ask(questions, now), self._ask_alert(look.alert_name, look.target, now)
        )
        _require(asked)
        return metrics_now.assemble(metrics_now.Scene(profile, look, now, asked), is_firing)

    @activity.defn
    @override
    async def read_window(self, look: WindowLook) -> WindowReading:
        """Raises what the question for the pools raised."""
        profile, grid = self._profile(look.target), metrics_window.grid(look)
        questions = metrics_window.questions(profile, look)
        buckets = metrics_window.bucket_question(profile, look)
        asked, waited, is_firing = await asyncio.gather(
            self._ask(questions, look.until),
            attempt(self._api.query_range(buckets, *grid)) if buckets else _nothing(),
            self._ask_alert(look.alert_name, look.target, look.until),
        )
        _require(asked)
        return metrics_window.assemble(metrics_window.Scene(profile, look, grid, asked, waited), is_firing)

    async def read_past(self, target: Target, since: datetime, until: datetime) -> Curves:
        """How full every instance's pool was; raises what the questions raised."""
        profile = self._profile(target)
        step = (until - since) / curves.POINTS
        times = metrics_window.grid(WindowLook(target=target, since=since, until=until, step=step))
        selectors = profile.selectors(target.selector)
        answers = await asyncio.gather(
            *(self._api.query_range(selectors[meaning], *times) for meaning in curves.DRAWN)
        )
        return curves.assemble(profile, target, dict(zip(curves.DRAWN, answers, strict=True)))

    async def _ask(self, questions: Mapping[str, str], at: datetime) -> dict[str, Asked]:
        answers = await asyncio.gather(*(attempt(self._api.query(each, at)) for each in questions.values()))
        return dict(zip(questions, answers, strict=True))

    async def _ask_alert(self, name: str, target: Target, at: datetime) -> Callable[[], Known[bool]]:
        firing, rules = await asyncio.gather(
            attempt(self._api.query(alert_state.firing_query(name), at)), attempt(self._api.rules(name))
        )
        return lambda: alert_state.judge(name, target, firing, rules)

    def _profile(self, target: Target) -> Profile:
        if target.profile not in self._profiles:
            raise NotConfigured(f"this worker has no metric profile {target.profile}")
        return self._profiles[target.profile]


async def _nothing() -> None:
    """In the place of a question that the profile doesn't have."""


def _require(asked: Mapping[str, Asked]) -> None:
    for meaning in ("active", "size"):
        if isinstance(failure := asked[meaning], PoolmedicError):
            raise failure
