"""How a transfer that leaves half-way holds others up, and what frees them, judged by PostgreSQL."""

import asyncio

import pytest

from tests.e2e.target_stand import Target, until

BLOCKED = """
SELECT pid, pg_blocking_pids(pid) AS blocked_by FROM pg_stat_activity
 WHERE application_name = 'covetpy-app' AND wait_event_type = 'Lock' ORDER BY state_change"""
CENTS = "SELECT sum(amount_cents) FROM orders"


async def transfer(target: Target, source: int, destination: int) -> int:
    return (await target.client.post(f"/transfers/{source}/{destination}")).status_code


async def strike(target: Target, order: int = 1) -> int:
    """The server process of the transfer that left."""
    answer = await target.client.post("/fault/lock", json={"order": order})
    assert answer.status_code == 202, answer.text
    return int(answer.json()["sessions"][-1]["backend_pid"])


async def test_a_transfer_moves_a_cent_and_loses_none(target: Target) -> None:
    before = await target.server.fetchval(CENTS)
    assert await transfer(target, 3, 2) == 200
    assert await transfer(target, 999_999, 2) == 409
    assert await target.status("/transfers/3/2") in {404, 405}
    assert await target.server.fetchval(CENTS) == before
    assert await target.has(checked_out=0)


async def test_one_that_leaves_half_way_holds_the_others_up_several_levels_deep(target: Target) -> None:
    root = await strike(target)
    waiting = []
    for level in range(3):
        waiting.append(asyncio.create_task(transfer(target, level + 2, level + 1)))

        async def are_waiting(count: int = level + 1) -> bool:
            return len(await target.server.fetch(BLOCKED)) == count

        await until(are_waiting)

    rows = await target.server.fetch(BLOCKED)
    chain = [root, *(row["pid"] for row in rows)]
    assert [row["blocked_by"] for row in rows] == [[pid] for pid in chain[:-1]]
    (session,) = [each for each in await target.sessions() if each["pid"] == root]
    assert session["state"] == "idle in transaction"
    assert session["backend_xid"] is not None
    assert await target.has(checked_out=4)

    await target.terminate([root])
    assert await asyncio.gather(*waiting) == [200, 200, 200]
    await until(lambda: target.has(checked_out=0))
    assert (await target.page("/fault/lock"))["sessions"] == []


@pytest.mark.parametrize("body", [{"order": 0}, {"order": "1"}, {"orders": 1}, []])
async def test_a_lock_that_cannot_be_is_refused(target: Target, body: object) -> None:
    assert (await target.client.post("/fault/lock", json=body)).status_code == 400
    assert await target.has(checked_out=0)


async def test_the_switch_is_closed_without_the_token(target: Target) -> None:
    answer = await target.client.post("/fault/lock", json={"order": 1}, headers={"X-Drill-Token": "no"})
    assert answer.status_code == 403
    assert await target.has(checked_out=0)
