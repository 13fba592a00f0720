"""Each component alone: it comes back after a crash, and says why when it cannot start."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import docker
import httpx
import pytest

from deploy.local import container, postgres, probes, prometheus, temporal
from deploy.local.containers import LABEL, remove_labelled
from deploy.local.engine import Engine
from deploy.local.errors import EndedEarly, StackError
from deploy.local.opening import open_state
from deploy.local.state import State
from tests.e2e.stack_stand import program, scraped


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


async def test_prometheus_scrapes_what_it_is_told_later(
    prometheus_server: prometheus.Prometheus, stack_state: State, docker_engine: Engine
) -> None:
    port = stack_state.port("scraped")
    async with container.run(stack_state, docker_engine, program(stack_state, "scraped")):
        prometheus_server.watch([prometheus.Application(f"127.0.0.1:{port}", "tiny", "tiny-1")])
        async with httpx.AsyncClient(trust_env=False) as client:
            query = 'count(up{service="tiny",instance="tiny-1"})'
            assert await scraped(client, prometheus_server.url, query, "1") is None
    prometheus_server.watch([])
