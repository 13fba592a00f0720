"""The stack comes up whole, listens to this machine only, and leaves nothing, however it ends."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from deploy.demo.scenario import LEAK
from deploy.demo.stage import open_stage
from deploy.demo.times import COMPRESSED
from deploy.local import container, probes, stack
from deploy.local.engine import Engine
from deploy.local.opening import open_state
from deploy.local.state import State
from tests.e2e import leftovers
from tests.e2e.stack_stand import Runner, assert_nothing_left, containers_of, gone, program, scraped


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[Runner]:
    started = Runner(tmp_path / "stack")
    yield started
    started.discard()
    assert await gone(leftovers.running(started.folder)) == []


async def test_the_whole_stack_with_poolmedic_on_it_runs_twice_in_one_folder(tmp_path: Path) -> None:
    for _ in range(2):
        said: list[stack.Started] = []
        async with open_stage(tmp_path, LEAK, COMPRESSED, said.append) as stage:
            await check(stage.stack)
            folder = stage.stack.state.folder
            pids = {process.pid for process in leftovers.running(folder)}
            assert stage.worker.process.pid in pids
            assert len(leftovers.listeners(pids)) >= 11
            assert leftovers.foreign_listeners(pids) == []
            processes, borrowed = leftovers.running(folder), leftovers.borrowed_folders(folder)
        assert {"Temporal", "PostgreSQL", "Docker Engine", "Prometheus"} <= {each.what for each in said}
        assert await gone(processes, within=2) == []
        assert_nothing_left(folder, borrowed)


async def check(running: stack.Stack) -> None:
    """Every part does its work, and knows of its neighbours."""
    async with httpx.AsyncClient(trust_env=False) as client:
        health = (await client.get(f"{running.targets[0].url}/health")).json()
        assert health["checks"]["connection_pool"]["size"] == running.settings.target.pool_size
        namespace = (await client.get(f"{running.temporal.http}/api/v1/namespaces/default")).json()
        assert namespace["config"]["workflowExecutionRetentionTtl"] == f"{90 * 86400}s"
        assert "<html" in (await client.get(running.temporal.ui)).text.lower()
        for query in (
            'up{service="covetpy-app",instance="covetpy-app"}',
            'up{job="poolmedic"}',
            'count(poolmedic_build_info{job="poolmedic"})',
        ):
            assert await scraped(client, running.prometheus.url, query, "1") is None
        assert (await client.get(f"http://{running.worker_address}/metrics")).status_code == 401
    connection = await asyncpg.connect(running.postgres.medic_dsn)
    mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'covetpy-app'"
    assert await connection.fetchval(mine) > 0
    await connection.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_nothing_is_left_when_its_program_ends(runner: Runner, number: signal.Signals) -> None:
    await runner.wait_ready()
    processes, borrowed = leftovers.running(runner.folder), leftovers.borrowed_folders(runner.folder)
    assert len(processes) > 10
    assert await runner.end(number) != 0
    assert await gone([process for process in processes if "keeper" not in " ".join(process.command)]) == []
    assert await gone(processes) == []
    assert_nothing_left(runner.folder, borrowed)


async def test_a_start_ends_what_a_crash_of_program_and_keeper_left(runner: Runner) -> None:
    await runner.wait_ready()
    processes, borrowed = leftovers.running(runner.folder), leftovers.borrowed_folders(runner.folder)
    keeper = next(process for process in processes if "deploy.local.keeper" in process.command)
    assert keeper.signal(signal.SIGKILL)
    await runner.end(signal.SIGKILL)
    left = [process for process in processes if process.is_alive()]
    assert {"postgres", "temporal", "dockerd"} <= {Path(process.command[0]).name for process in left}
    with open_state(runner.folder):
        assert await gone(processes, within=2) == []
    assert_nothing_left(runner.folder, borrowed)


async def test_an_engine_that_was_killed_leaves_no_container(runner: Runner) -> None:
    ready = await runner.wait_ready()
    if not ready["engine"].startswith("unix:///tmp/"):
        pytest.fail("this test is for a private engine: run it where no other engine answers")
    processes, borrowed = leftovers.running(runner.folder), leftovers.borrowed_folders(runner.folder)
    shims = [process for process in processes if "containerd-shim" in process.command[0]]
    assert shims
    engine = next(process for process in processes if Path(process.command[0]).name == "dockerd")
    runner.process.send_signal(signal.SIGSTOP)
    assert engine.signal(signal.SIGKILL)
    await runner.end(signal.SIGKILL)
    assert await gone(processes) == []
    assert_nothing_left(runner.folder, borrowed)


async def test_an_engine_of_the_users_loses_our_containers_only(
    stack_state: State, docker_engine: Engine, tmp_path: Path
) -> None:
    async with container.run(stack_state, docker_engine, program(stack_state, "neighbour")) as neighbour:
        runner = Runner(tmp_path / "stack", DOCKER_HOST=docker_engine.address)
        try:
            ready = await runner.wait_ready()
            assert ready["engine"] == docker_engine.address
            assert containers_of(docker_engine) == {"neighbour", "covetpy-app"}
            processes = leftovers.running(runner.folder)
            assert "dockerd" not in {Path(process.command[0]).name for process in processes}
            await runner.end(signal.SIGKILL)
            assert await gone(processes) == []
            assert leftovers.recorded(runner.folder) == []
        finally:
            runner.discard()
        assert containers_of(docker_engine) == {"neighbour"}
        assert await probes.http(neighbour.health)() is None
