"""What the drill's application reports: metrics, pages, and a log without secrets."""

import time

from deploy.load.generator import Load
from deploy.local.postgres import Postgres
from tests.e2e.target_stand import Target, hold, until

RUNBOOK_NAMES = {
    "covet_db_connections_active",
    "covet_db_connections_idle",
    "covet_db_connection_pool_size",
    "covet_db_connections_leaked_total",
    "covet_db_connection_wait_time_seconds_count",
    "covet_db_connection_hold_time_seconds_count",
    "covet_db_connection_timeouts_total",
    "covet_db_connection_waiters",
    "process_start_time_seconds",
}


async def test_metrics_carry_the_runbooks_names_and_count_what_happened(target: Target) -> None:
    assert [await target.status(path) for path in ("/orders/7", "/orders/8", "/probe")] == [200, 200, 200]
    assert await target.status("/orders/999999") == 404
    metrics = await target.metrics()
    assert set(metrics) >= RUNBOOK_NAMES
    assert metrics["covet_db_connection_pool_size"] == 4
    assert metrics["covet_db_connection_hold_time_seconds_count"] == 4
    orders = 'covet_http_requests_total{endpoint="/orders/{number}",method="GET",status="200"}'
    assert metrics[orders] == 2
    assert abs(metrics["process_start_time_seconds"] - time.time()) < 60
    assert not any(name.startswith("covet_http_5xx") for name in metrics)


async def test_pages_of_operators_are_no_traffic(target: Target) -> None:
    for path in ("/metrics", "/health", "/pool", "/queries", "/fault/leak"):
        assert await target.status(path) == 200
    assert not any(name.startswith("covet_http_requests_total") for name in await target.metrics())


async def test_a_full_pool_makes_users_wait_and_then_refuses_them(target: Target) -> None:
    statuses = await hold(target, 1500, 6)
    assert sorted(statuses) == [200] * 4 + [503] * 2
    metrics = await target.metrics()
    assert metrics["covet_db_connection_timeouts_total"] == 2
    assert metrics['covet_http_5xx_responses_total{status="503"}'] == 2
    assert metrics['covet_db_connection_wait_time_seconds_bucket{le="0.25"}'] == 4
    assert metrics['covet_db_connection_wait_time_seconds_bucket{le="1.0"}'] == 6
    entry = next(line for line in target.log() if line.get("event") == "pool_timeout")
    assert (entry["level"], entry["borrower"], entry["checked_out"]) == ("ERROR", "/orders", 4)


async def test_a_pool_that_users_wait_for_is_full_at_every_look(target: Target) -> None:
    async with Load(str(target.client.base_url), rate=100, hold_ms=100, seconds=30):
        await until(lambda: target.has(checked_out=4))
        looks = [await target.page("/pool") for _ in range(150)]
    assert {look["checked_out"] for look in looks if look["waiting"]} == {4}
    assert sum(look["waiting"] > 0 for look in looks) > 100


async def test_health_of_an_exhausted_pool_takes_no_connection(target: Target) -> None:
    assert (await target.page("/health"))["status"] == "healthy"
    await target.leak(sessions=4)
    asked = time.monotonic()
    health = await target.page("/health")
    assert time.monotonic() - asked < 0.4
    assert health["status"] in {"degraded", "unhealthy"}
    assert health["checks"]["connection_pool"]["utilization_percent"] == 100
    assert await target.status("/probe") == 503


async def test_the_monitors_of_covet_are_fed(target: Target) -> None:
    await target.leak(sessions=3)
    await target.status("/orders/1234")
    dashboard = (await target.page("/pool"))["dashboard"]
    assert "Pool Size: 4" in dashboard
    assert "Active: 3" in dashboard
    assert "Idle: 1" in dashboard
    queries = await target.page("/queries")
    assert queries["totals"]["total_queries"] >= 4
    assert "1234" not in str(queries)
    checkouts = (await target.page("/pool"))["checkouts"]
    assert [checkout["borrower"] for checkout in checkouts] == ["/report"] * 3


async def test_every_line_of_the_log_is_json_without_secrets(target: Target, server: Postgres) -> None:
    await target.leak(sessions=4)
    await target.status("/orders/7")
    await target.restart()
    assert {"connection_leaked", "pool_timeout"} & {entry.get("event") for entry in target.log()}
    text = target.process.log.read_text()
    assert server.password("covetpy") not in text
    assert target.client.headers["X-Drill-Token"] not in text
