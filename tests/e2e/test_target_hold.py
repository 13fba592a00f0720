"""The drill's slow partner: requests hold connections while they wait for it, judged by PostgreSQL."""

import asyncio

import pytest

from tests.e2e.target_stand import Target, until

IDLE = """
SELECT pid, state_change, query FROM pg_stat_activity
 WHERE application_name = 'covetpy-app' AND state = 'idle in transaction'
"""


async def make_slow(target: Target, seconds: float) -> None:
    assert (await target.client.post("/fault/hold", json={"seconds": seconds})).status_code == 202


async def test_orders_wait_for_the_partner_in_their_transaction_and_give_back(target: Target) -> None:
    await make_slow(target, 1.5)
    orders = [asyncio.create_task(target.status("/orders/7?hold_ms=50")) for _ in range(6)]
    await until(lambda: target.has(checked_out=4))
    await asyncio.sleep(0.2)
    seen = await target.server.fetch(IDLE)
    # Two of the six wait for a connection: as many requests have one as are checked out.
    assert await target.has(checked_out=4, waiting=2, requests_in_progress=6)

    assert len(seen) == 4
    assert {"FROM orders WHERE id" in session["query"] for session in seen} == {True}
    assert (await target.page("/fault/hold"))["asking"] == 4
    assert sorted([await order for order in orders]) == [200] * 4 + [503] * 2
    await until(lambda: target.has(checked_out=0))
    assert (await target.metrics())["covet_db_connection_hold_time_seconds_sum"] > 6
    assert (await target.page("/fault/hold"))["answered_late"] == 4


async def test_the_same_connections_are_idle_anew_all_the_time(target: Target) -> None:
    await make_slow(target, 0.4)
    looks = []
    for _ in range(2):
        orders = [asyncio.create_task(target.status("/orders/7")) for _ in range(4)]
        await until(lambda: target.has(checked_out=4))
        await asyncio.sleep(0.1)
        looks.append({session["pid"]: session["state_change"] for session in await target.server.fetch(IDLE)})
        assert [await order for order in orders] == [200] * 4
    first, second = looks

    assert first.keys() == second.keys()
    assert all(second[pid] > since for pid, since in first.items())


async def test_switched_back_orders_are_quick_again_and_who_waits_is_answered(target: Target) -> None:
    await make_slow(target, 1)
    slow = asyncio.create_task(target.status("/orders/7"))
    await until(lambda: target.has(checked_out=1))
    assert (await target.client.delete("/fault/hold")).json()["fault"] is None

    async with asyncio.timeout(0.5):
        assert await target.status("/orders/8") == 200
    assert await slow == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"seconds": 0}', b'{"seconds": 31}', b'{"seconds": "1"}', b"{}"]
)
async def test_a_delay_that_makes_no_sense_is_refused(target: Target, body: bytes) -> None:
    assert (await target.client.post("/fault/hold", content=body)).status_code == 400
    assert (await target.page("/fault/hold"))["fault"] is None


async def test_the_switch_is_closed_to_strangers(target: Target) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await target.client.request(method, "/fault/hold", headers={"X-Drill-Token": "wrong"})
        assert answer.status_code == 403
