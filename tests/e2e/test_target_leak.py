"""How the drill's application forgets connections, and what gives them back, judged by PostgreSQL."""

import asyncio
from pathlib import Path

import pytest

from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.e2e.target_stand import Target, hold, run_target, until


async def test_forgotten_connections_stay_until_the_server_ends_them_and_then_serve_again(
    target: Target,
) -> None:
    pids = await target.leak(sessions=4)
    await asyncio.sleep(2.5)
    sessions = await target.sessions()
    assert {session["pid"] for session in sessions} == set(pids)
    assert {session["state"] for session in sessions} == {"idle in transaction"}
    assert {session["backend_xid"] for session in sessions} == {None}
    assert await target.has(checked_out=4, slots_taken=4, idle=0, requests_in_progress=0)
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
