"""The stack comes up whole, listens to this machine only, and leaves nothing, however it ends."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import docker
import httpx
import pytest

from deploy.local import container, postgres, probes, prometheus, stack, temporal
from deploy.local.containers import LABEL, remove_labelled
from deploy.local.ending import end_leftovers
from deploy.local.engine import Engine
from deploy.local.errors import EndedEarly, NotReady, StackError, StackInUse
from deploy.local.identity import Identity, identify
from deploy.local.opening import open_state
from deploy.local.process import Command, Process
from deploy.local.records import ProcessRecord, Records
from deploy.local.state import State
from tests.e2e import leftovers

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_CLEAN_UP = 45
ENDLESS = [sys.executable, "-c", "import time\nwhile True: time.sleep(1)"]


async def gone(processes: list[Identity], within: float = SECONDS_TO_CLEAN_UP) -> list[Identity]:
    """Those still alive after that many seconds, at the latest."""

    async def ask() -> str | None:
        return "alive" if any(process.is_alive() for process in processes) else None

    await probes.until(ask, within)
    return [process for process in processes if process.is_alive()]


class Runner:
    """A stack in a process of its own, which a test may end in any way."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.stack_runner", str(folder)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    async def wait_ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await asyncio.to_thread(self.process.stdout.readline)
        return dict(json.loads(line))

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, SECONDS_TO_CLEAN_UP)

    def discard(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[Runner]:
    started = Runner(tmp_path / "stack")
    yield started
    started.discard()
    assert await gone(leftovers.running(started.folder)) == []


def assert_nothing_left(folder: Path, borrowed: list[Path]) -> None:
    assert leftovers.recorded(folder) == []
    assert leftovers.mounts_below([folder, *borrowed]) == []
    assert [path for path in borrowed if path.exists()] == []


async def test_the_whole_stack_runs_twice_in_one_folder(tmp_path: Path) -> None:
    for _ in range(2):
        said: list[stack.Started] = []
        async with stack.run(tmp_path, stack.Settings(name=tmp_path.name), said.append) as running:
            await check(running)
            pids = {process.pid for process in leftovers.running(tmp_path)}
            assert len(leftovers.listeners(pids)) >= 9
            assert leftovers.foreign_listeners(pids) == []
            processes, borrowed = leftovers.running(tmp_path), leftovers.borrowed_folders(tmp_path)
        assert {"Temporal", "PostgreSQL", "Docker Engine", "Prometheus"} <= {each.what for each in said}
        assert await gone(processes, within=2) == []
        assert_nothing_left(tmp_path, borrowed)


async def check(running: stack.Stack) -> None:
    """Every part does its work, and knows of its neighbours."""
    async with httpx.AsyncClient(trust_env=False) as client:
        health = (await client.get(f"{running.targets[0].url}/health")).json()
        assert health["checks"]["connection_pool"]["size"] == running.settings.target.pool_size
        namespace = (await client.get(f"{running.temporal.http}/api/v1/namespaces/default")).json()
        assert namespace["config"]["workflowExecutionRetentionTtl"] == f"{90 * 86400}s"
        assert "<html" in (await client.get(running.temporal.ui)).text.lower()
        await scraped(client, running.prometheus.url, 'up{service="covetpy-app",instance="covetpy-app"}', "1")
        await scraped(client, running.prometheus.url, 'up{job="poolmedic"}', "0")
    connection = await asyncpg.connect(running.postgres.medic_dsn)
    mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'covetpy-app'"
    assert await connection.fetchval(mine) > 0
    await connection.close()


async def scraped(client: httpx.AsyncClient, url: str, query: str, value: str) -> None:
    async def ask() -> str | None:
        answer = await client.get(f"{url}/api/v1/query", params={"query": query})
        found = [row["value"][1] for row in answer.json()["data"]["result"]]
        return None if found == [value] else f"{query} is {found}"

    assert await probes.until(ask, 10) is None


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


def containers_of(engine: Engine) -> set[str]:
    with engine.client() as client:
        return {str(found.name) for found in client.containers.list(all=True)}


async def test_one_folder_has_one_stack(stack_state: State) -> None:
    with pytest.raises(StackInUse, match="already running"), open_state(stack_state.folder):
        pass


async def test_a_recycled_pid_is_nobody_of_ours(tmp_path: Path) -> None:
    with open_state(tmp_path / "other") as other:
        bystander = Process(other, Command(name="bystander", arguments=ENDLESS))
        bystander.start()
        true = identify(bystander.pid)
        assert true is not None
        forged = [
            Identity(true.pid, true.started - 1, true.command, true.boot),
            Identity(true.pid, true.started, ("postgres",), true.boot),
            Identity(true.pid, true.started, true.command, "an earlier boot"),
        ]
        for number, identity in enumerate(forged):
            record = ProcessRecord(name=f"{number}", identity=identity, stop_signal=signal.SIGKILL, grace=1)
            Records(tmp_path / "stack" / "records").write(record)
        with open_state(tmp_path / "stack"):
            assert bystander.is_running()
            assert leftovers.recorded(tmp_path / "stack") == []
        await bystander.stop()


async def test_what_was_not_yet_written_down_is_ended_too(tmp_path: Path) -> None:
    with open_state(tmp_path / "a") as one, open_state(tmp_path / "ab") as other:
        bystander = Process(other, Command(name="bystander", arguments=ENDLESS))
        bystander.start()
        unwritten = Process(one, Command(name="unwritten", arguments=ENDLESS))
        unwritten.start()
        for path in one.records.files():
            path.unlink()
        end_leftovers(one.folder)
        assert await gone([who for who in [identify(unwritten.pid)] if who], within=2) == []
        assert bystander.is_running()
        await unwritten.stop()
        await bystander.stop()


async def test_what_a_failing_caller_forgot_is_ended(tmp_path: Path) -> None:
    forgotten: list[Identity | None] = []
    with contextlib.suppress(ZeroDivisionError), open_state(tmp_path) as state:
        process = Process(state, Command(name="forgotten", arguments=ENDLESS))
        process.start()
        forgotten.append(identify(process.pid))
        raise ZeroDivisionError
    assert await gone([who for who in forgotten if who], within=0) == []
    await process.stop()


async def test_a_process_that_ends_early_says_why(tmp_path: Path) -> None:
    wrong = postgres.Settings(options={"no_such_option": "1"})
    with open_state(tmp_path) as state:
        with pytest.raises(EndedEarly, match="no_such_option"):
            async with postgres.serve(state, wrong):
                pass
        assert leftovers.recorded(tmp_path) == []


async def test_a_process_that_never_answers_is_ended(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        deaf = Process(state, Command(name="deaf", arguments=ENDLESS))
        deaf.start()
        with pytest.raises(NotReady, match="ConnectError"):
            await deaf.wait_ready(probes.http(f"http://127.0.0.1:{state.port('nobody')}"), within=0.2)
        pid = deaf.pid
        await deaf.stop()
        assert identify(pid) is None


async def test_a_process_that_ignores_its_signal_is_killed_with_its_children(tmp_path: Path) -> None:
    stubborn = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.fork()\n"
        "print(os.getpid(), flush=True)\n"
        "while True: time.sleep(1)"
    )
    with open_state(tmp_path) as state:
        process = Process(
            state, Command(name="stubborn", arguments=[sys.executable, "-c", stubborn], grace=0.3)
        )
        process.start()

        async def both_run() -> str | None:
            return None if len(process.log.read_text().splitlines()) == 2 else "not yet"

        assert await probes.until(both_run, 5) is None
        family = [identify(int(line)) for line in process.log.read_text().splitlines()]
        await process.stop()
        assert await gone([member for member in family if member], within=2) == []
        assert process.exit_code == -signal.SIGKILL


def test_ports_are_each_others_and_below_the_ephemeral_range(tmp_path: Path) -> None:
    with open_state(tmp_path / "a") as one, open_state(tmp_path / "b") as two:
        ports = [state.port(f"{number}") for state in (one, two) for number in range(200)]
        assert len(set(ports)) == len(ports)
        assert one.port("7") == ports[7]
        low, high = (int(word) for word in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
        assert not [port for port in ports if low <= port <= high]


async def test_secrets_are_for_their_owner_alone(
    stack_state: State, postgres_server: postgres.Postgres
) -> None:
    files = list((stack_state.folder / "secrets").iterdir())
    assert len(files) >= 4
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len({path.read_text() for path in files}) == len(files)
    assert postgres_server.password("poolmedic") not in postgres_server.log.text.read_text()


async def test_temporal_keeps_its_workflows_over_a_crash(tmp_path: Path) -> None:
    settings = temporal.Settings(search_attributes={"PoolmedicTarget": "Keyword"})
    with open_state(tmp_path) as state:
        async with temporal.serve(state, settings) as server, httpx.AsyncClient(trust_env=False) as client:
            workflows = f"{server.http}/api/v1/namespaces/default/workflows"
            body = {"workflowType": {"name": "Waits"}, "taskQueue": {"name": "nobody"}}
            assert (await client.post(f"{workflows}/kept", json=body)).is_success
            await server.process.kill()
            await temporal.start(server)
            kept = (await client.get(f"{workflows}/kept")).json()
            assert kept["workflowExecutionInfo"]["status"] == "WORKFLOW_EXECUTION_STATUS_RUNNING"


async def test_postgres_comes_back_after_a_crash_with_its_data(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        async with postgres.serve(state, postgres.Settings()) as server:
            connection = await asyncpg.connect(server.application_dsn)
            await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
            await server.process.kill()
            connection.terminate()
            await postgres.start(server)
            connection = await asyncpg.connect(server.application_dsn)
            assert await connection.fetchval("SELECT n FROM kept") == 7
            await connection.close()


async def test_a_container_is_ours_by_its_label_alone(stack_state: State, docker_engine: Engine) -> None:
    before = datetime.now(UTC)
    async with container.run(stack_state, docker_engine, program(stack_state, "labelled")) as ours:
        with docker_engine.client() as client:
            assert not await asyncio.to_thread(
                remove_labelled, docker_engine.address, f"{LABEL}=somebody-else"
            )
            await asyncio.to_thread(client.containers.get(ours.id).restart, timeout=1)
        assert await probes.until(probes.http(ours.health), 10) is None
    events = docker_engine.events("labelled", before, datetime.now(UTC))
    happened = [event.action for event in events]
    assert [action for action in happened if action in {"create", "restart", "destroy"}] == [
        "create",
        "restart",
        "destroy",
    ]
    with docker_engine.client() as client, pytest.raises(docker.errors.NotFound):
        client.containers.get(ours.id)


async def test_a_container_that_fails_says_why(stack_state: State, docker_engine: Engine) -> None:
    with pytest.raises(EndedEarly, match="KeyError: 'TARGET_PORT'"):
        async with container.run(
            stack_state, docker_engine, program(stack_state, "failing", with_port=False)
        ):
            pass


async def test_a_name_that_is_taken_is_refused(stack_state: State, docker_engine: Engine) -> None:
    async with container.run(stack_state, docker_engine, program(stack_state, "taken")) as first:
        with pytest.raises(StackError, match="taken"):
            async with container.run(stack_state, docker_engine, program(stack_state, "taken")):
                pass
        assert await probes.http(first.health)() is None


def program(state: State, name: str, *, with_port: bool = True) -> container.Program:
    """A tiny application that says ok."""
    package = state.directory("tiny")
    (package / "__main__.py").write_text(
        "import http.server, os\n"
        "class Page(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'ok')\n"
        "address = ('127.0.0.1', int(os.environ['TARGET_PORT']))\n"
        "http.server.ThreadingHTTPServer(address, Page).serve_forever()\n"
    )
    port = state.port(name)
    return container.Program(
        name=name,
        package=package,
        python=ROOT / ".venv-target" / "bin" / "python",
        environment={"TARGET_PORT": str(port)} if with_port else {},
        health=f"http://127.0.0.1:{port}/",
    )


async def test_prometheus_scrapes_what_it_is_told_later(
    prometheus_server: prometheus.Prometheus, stack_state: State, docker_engine: Engine
) -> None:
    port = stack_state.port("scraped")
    async with container.run(stack_state, docker_engine, program(stack_state, "scraped")):
        prometheus_server.watch([prometheus.Application(f"127.0.0.1:{port}", "tiny", "tiny-1")])
        async with httpx.AsyncClient(trust_env=False) as client:
            await scraped(client, prometheus_server.url, 'count(up{service="tiny",instance="tiny-1"})', "1")
    prometheus_server.watch([])
