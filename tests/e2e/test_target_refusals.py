"""What the drill's application refuses: strangers, nonsense, and a start without what it needs."""

import asyncio
from pathlib import Path

import pytest

from deploy.local.postgres import Postgres
from deploy.local.state import State
from tests.e2e.target_stand import Target, describe_environment, prepare_process, run_target, until


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
