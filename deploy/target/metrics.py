"""The runbook's metric names, as Prometheus reads them.

covet defines the same figures under other names and on a registry of its own. The HTTP counters are
covet's, renamed; the pool's are kept here.
"""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import override

from covet.monitoring import metrics as covet_metrics
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]
WAIT_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)
HOLD_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

registry = CollectorRegistry()
ProcessCollector(registry=registry)

active = Gauge("covet_db_connections_active", "Connections checked out of the pool", registry=registry)
idle = Gauge("covet_db_connections_idle", "Open connections that wait in the pool", registry=registry)
pool_size = Gauge(
    "covet_db_connection_pool_size", "Connections the pool can have, overflow included", registry=registry
)
waiters = Gauge(
    "covet_db_connection_waiters", "Requests that wait for a connection right now", registry=registry
)
oldest_checkout = Gauge(
    "covet_db_connection_oldest_checkout_seconds",
    "Age of the oldest checkout, 0 without one",
    registry=registry,
)
generation = Gauge(
    "covet_db_pool_config_generation", "How often this process has applied a pool size", registry=registry
)
acquired = Counter("covet_db_connections_acquired", "Checkouts since the start", registry=registry)
leaked = Counter(
    "covet_db_connections_leaked",
    "Checkouts that were held longer than POOL_LEAK_AFTER, each counted once",
    registry=registry,
)
lost = Counter(
    "covet_db_connections_lost", "Connections that broke while they were checked out", registry=registry
)
timeouts = Counter(
    "covet_db_connection_timeouts", "Requests that got no connection in time", registry=registry
)
wait_time = Histogram(
    "covet_db_connection_wait_time_seconds",
    "Time spent waiting for a connection, whether one came or not",
    buckets=WAIT_BUCKETS,
    registry=registry,
)
hold_time = Histogram(
    "covet_db_connection_hold_time_seconds",
    "Time from checkout to return, of the connections that were returned",
    buckets=HOLD_BUCKETS,
    registry=registry,
)


class HttpCounts(Collector):
    """covet's own request counters under the runbook's names."""

    @override
    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "covet_http_requests", "HTTP requests answered", labels=["method", "endpoint", "status"]
        )
        for labels, value in read_counts(covet_metrics.http_requests_total):
            requests.add_metric([labels["method"], labels["endpoint"], labels["status"]], value)
        yield requests

        failures: Tally[str] = Tally()
        for labels, value in read_counts(covet_metrics.http_5xx_responses):
            failures[labels["status"]] += value  # type: ignore[assignment]  # a Tally may hold floats
        answers = CounterMetricFamily("covet_http_5xx_responses", "HTTP answers 5xx", labels=["status"])
        for status, total in sorted(failures.items()):
            answers.add_metric([status], total)
        yield answers
        yield GaugeMetricFamily(
            "covet_http_requests_in_progress", "HTTP requests under way right now", value=count_in_progress()
        )


def count_in_progress() -> int:
    """Of the users' requests; operators' are not counted."""
    gauge = covet_metrics.http_requests_in_progress
    return int(sum(sample.value for metric in gauge.collect() for sample in metric.samples))


def read_counts(counter: Counter) -> Iterable[tuple[dict[str, str], float]]:
    for metric in counter.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                yield sample.labels, sample.value


registry.register(HttpCounts())


def render() -> bytes:
    return generate_latest(registry)
