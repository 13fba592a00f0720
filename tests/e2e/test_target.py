"""The drill's application: what it reports, how it breaks, and what heals it, judged by PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.load.generator import Load
from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.e2e.target_stand import (
    SCHEMA,
    Target,
    describe_environment,
    prepare_process,
    run_target,
    until,
)

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


@pytest.fixture(scope="module")
async def server(postgres_server: Postgres) -> Postgres:
    connection = await asyncpg.connect(postgres_server.application_dsn)
    await connection.execute(SCHEMA.read_text())
    await connection.close()
    return postgres_server


@pytest.fixture
async def target(stack_state: State, server: Postgres, tmp_path: Path) -> AsyncIterator[Target]:
    """Four connections, half a second of patience, and a checkout of a second counts as leaked."""
    async with run_target(
        stack_state, server, tmp_path, POOL_ACQUIRE_TIMEOUT="0.5", POOL_LEAK_AFTER="1"
    ) as target:
        yield target


async def hold(target: Target, milliseconds: int, requests: int) -> list[int]:
    """Keep connections busy with honest requests and return their statuses."""
    path = f"/orders/7?hold_ms={milliseconds}"
    return list(await asyncio.gather(*(target.status(path) for _ in range(requests))))


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


async def test_forgotten_connections_stay_until_the_server_ends_them_and_then_serve_again(
    target: Target,
) -> None:
    pids = await target.leak(sessions=4)
    await asyncio.sleep(2.5)
    sessions = await target.sessions()
    assert {session["pid"] for session in sessions} == set(pids)
    assert {session["state"] for session in sessions} == {"idle in transaction"}
    assert {session["backend_xid"] for session in sessions} == {None}
    assert await target.has(checked_out=4, slots_taken=4, idle=0)
    assert await target.status("/orders/7") == 503
    assert (await target.metrics())["covet_db_connections_leaked_total"] == 4

    await target.terminate(pids)
    assert await until(lambda: target.has(checked_out=0, slots_taken=0)) < 1
    assert await hold(target, 200, 8) == [200] * 8
    await asyncio.sleep(1)
    assert await target.has(checked_out=0)
    assert (await target.metrics())["covet_db_connections_leaked_total"] == 4
    assert (await target.page("/health"))["checks"]["connection_pool"]["status"] == "healthy"


async def test_ending_one_of_the_forgotten_gives_back_one(target: Target) -> None:
    pids = await target.leak(sessions=4)
    await target.terminate(pids[:1])
    await until(lambda: target.has(checked_out=3, slots_taken=3))
    assert await target.leaked_pids() == pids[1:]
    assert await target.status("/probe") == 200


async def test_a_forgotten_write_has_a_transaction_id(target: Target) -> None:
    pids = await target.leak(sessions=2, writes=True)
    written = {session["pid"] for session in await target.sessions() if session["backend_xid"] is not None}
    assert written == set(pids)


async def test_a_connection_forgotten_outside_a_transaction_is_plainly_idle(target: Target) -> None:
    pids = await target.leak(sessions=2, transaction=False)
    states = {session["pid"]: session["state"] for session in await target.sessions()}
    assert [states[pid] for pid in pids] == ["idle", "idle"]
    assert await target.has(checked_out=2)


async def test_a_bug_that_stays_leaks_again_until_it_is_switched_off(target: Target) -> None:
    await target.client.post("/fault/leak", json={"per_minute": 600})
    await until(lambda: target.has(checked_out=4))
    first = set(await target.leaked_pids())
    await target.terminate(list(first))

    async def has_leaked_again() -> bool:
        pids = set(await target.leaked_pids())
        return len(pids) == 4 and not pids & first

    await until(has_leaked_again)
    assert (await target.client.delete("/fault/leak")).json()["fault"] is None
    pids = await target.leaked_pids()
    assert len(pids) == 4
    await target.terminate(pids)
    await until(lambda: target.has(checked_out=0))
    await asyncio.sleep(1)
    assert await target.has(checked_out=0)
    assert await target.status("/report") == 200


async def test_a_restart_frees_what_was_forgotten_and_takes_seconds(target: Target) -> None:
    pids = await target.leak(sessions=4)
    assert await target.restart() < 4
    assert target.process.exit_code is None
    assert not {session["pid"] for session in await target.sessions()} & set(pids)
    assert await target.status("/probe") == 200


async def test_a_stop_returns_what_can_be_returned(target: Target) -> None:
    busy = asyncio.create_task(hold(target, 500, 2))
    await until(lambda: target.has(checked_out=2))
    await target.process.stop()
    assert await busy == [200, 200]
    assert target.process.exit_code == 0
    assert await target.sessions() == []


async def test_a_pool_that_does_not_notice_the_dead_needs_the_restart(
    stack_state: State, server: Postgres, tmp_path: Path
) -> None:
    async with run_target(
        stack_state, server, tmp_path, POOL_ACQUIRE_TIMEOUT="0.5", TARGET_REAPS_DEAD="0"
    ) as target:
        await target.terminate(await target.leak(sessions=4))
        await asyncio.sleep(2)
        assert await target.sessions() == []
        assert await target.has(checked_out=4, slots_taken=4, slot_returns_on_kill=False)
        assert await target.status("/probe") == 503
        await target.restart()
        assert await target.status("/probe") == 200


@pytest.mark.parametrize("reaps_dead", ["0", "1"])
async def test_an_honest_request_whose_session_is_ended_gets_503_and_loses_no_slot(
    stack_state: State, server: Postgres, tmp_path: Path, reaps_dead: str
) -> None:
    async with run_target(
        stack_state, server, tmp_path, DATABASE_POOL_SIZE="1", TARGET_REAPS_DEAD=reaps_dead
    ) as target:
        request = asyncio.create_task(target.status("/orders/7?hold_ms=5000"))
        await until(lambda: target.has(checked_out=1))
        await target.terminate([session["pid"] for session in await target.sessions()])
        assert await request == 503
        await until(lambda: target.has(checked_out=0, slots_taken=0))
        assert await target.status("/probe") == 200


async def test_a_larger_pool_serves_those_who_wait(target: Target) -> None:
    first = asyncio.create_task(hold(target, 1500, 4))
    await until(lambda: target.has(checked_out=4))
    others = asyncio.create_task(hold(target, 100, 4))
    await until(lambda: target.has(waiting=4))
    await target.reload({"pool_size": 4, "max_overflow": 4})
    await until(lambda: target.has(generation=2, size=8))
    assert await others == [200] * 4
    assert await first == [200] * 4
    assert len(await target.sessions()) <= 8


async def test_a_smaller_pool_lets_busy_connections_finish(target: Target) -> None:
    busy = asyncio.create_task(hold(target, 800, 4))
    await until(lambda: target.has(checked_out=4))
    await target.reload({"pool_size": 2, "max_overflow": 0})
    await until(lambda: target.has(generation=2))
    assert await target.has(size=4, configured={"pool_size": 2, "max_overflow": 0})
    assert await busy == [200] * 4
    await until(lambda: target.has(size=2, checked_out=0, slots_taken=0, idle=2), within=2)
    assert len(await target.sessions()) == 2


async def test_a_smaller_pool_shrinks_without_traffic_once_the_forgotten_are_ended(target: Target) -> None:
    pids = await target.leak(sessions=4)
    await target.reload({"pool_size": 2})
    await until(lambda: target.has(generation=2, size=4))
    await target.terminate(pids)
    await until(lambda: target.has(size=2, slots_taken=0), within=3)


async def test_shrinking_under_full_load_ends(target: Target) -> None:
    async with Load(str(target.client.base_url), rate=60, hold_ms=100, seconds=20) as load:
        await until(lambda: target.has(checked_out=4))
        await target.reload({"pool_size": 1})
        assert await until(lambda: target.has(size=1)) < 2
        await target.reload({"pool_size": 12})
        await until(lambda: target.has(size=12, waiting=0))
        await asyncio.sleep(1)
        assert set(load.summarize(last=0.5).statuses) == {"200"}


@pytest.mark.parametrize(
    "content", [None, "", "{", "[]", '{"pool_size": "8"}', '{"pool_size": 0}', '{"pool_size": 8, "size": 9}']
)
async def test_a_bad_configuration_changes_nothing_and_is_told(target: Target, content: str | None) -> None:
    await target.reload(content)

    async def is_told() -> bool:
        return any(entry["message"].startswith("SIGHUP: pool file refused") for entry in target.log())

    await until(is_told)
    assert await target.has(generation=1, size=4)


async def test_a_restart_keeps_the_files_size(target: Target) -> None:
    target.write_pool_file({"pool_size": 3, "max_overflow": 4})
    await target.restart()
    assert await target.has(generation=1, size=7, idle=3)
    target.write_pool_file("nonsense")
    await target.restart()
    assert await target.has(generation=1, size=4)


async def test_faults_are_closed_to_strangers(target: Target) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await target.client.request(method, "/fault/leak", headers={"X-Drill-Token": "wrong"})
        assert answer.status_code == 403
    del target.client.headers["X-Drill-Token"]
    assert (await target.client.post("/fault/leak", json={"sessions": 1})).status_code == 403
    assert await target.has(checked_out=0)


async def test_without_a_token_of_its_own_the_target_has_no_faults(
    stack_state: State, server: Postgres, tmp_path: Path
) -> None:
    async with run_target(stack_state, server, tmp_path, DRILL_TOKEN="") as target:
        assert await target.status("/fault/leak") == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"sessions": 5}', b'{"sessions": 0}', b'{"sessions": 1, "per_minute": 3}',
     b'{"sessions": "1"}', b'{"sessions": 1, "writes": true, "transaction": false}', b'{"session": 1}'],
)  # fmt: skip
async def test_a_fault_that_makes_no_sense_is_refused(target: Target, body: bytes) -> None:
    answer = await target.client.post("/fault/leak", content=body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/orders/x", "/orders/-1", "/orders/7?hold_ms=5001", "/orders/7?hold_ms=x"])
async def test_a_request_that_makes_no_sense_is_refused(target: Target, path: str) -> None:
    assert await target.status(path) == 400


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


async def test_it_says_what_is_missing(stack_state: State, server: Postgres, tmp_path: Path) -> None:
    environment = describe_environment(server, stack_state.port("target"), tmp_path / "pool.json")
    del environment["DATABASE_USER"]
    process = prepare_process(stack_state, environment)
    process.start()
    await until(lambda: asyncio.sleep(0, process.exit_code is not None))
    assert process.exit_code == 2
    assert process.log.read_text() == "target: DATABASE_USER is not set\n"
    await process.stop()


async def test_it_ends_when_the_database_is_not_there(
    stack_state: State, server: Postgres, tmp_path: Path
) -> None:
    environment = describe_environment(server, stack_state.port("target"), tmp_path / "pool.json")
    process = prepare_process(stack_state, {**environment, "DATABASE_PORT": "1"})
    process.start()
    await until(lambda: asyncio.sleep(0, process.exit_code is not None))
    assert process.exit_code == 1
    assert "database can't be reached" in process.log.read_text()
    await process.stop()
