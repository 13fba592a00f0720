"""How the pool of the drill's application takes another size: under load, while leaked, after a restart."""

import asyncio

import pytest

from deploy.load.generator import Load
from tests.e2e.target_stand import Target, hold, until


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
    assert await until(lambda: target.has(size=2, slots_taken=0)) < 3


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
