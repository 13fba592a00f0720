"""What an application logged about its pool, from the real engine, where the configuration asks for it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container

from activities.container_log import read_log
from deploy.local.engine import Engine
from deploy.local.state import State
from tests.ports import examples
from tests.ports.container_stage import USUAL, RealContainers
from workflows.models.evidence import ContainerState
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Log


@pytest.fixture
async def stage(stack_state: State, docker_engine: Engine) -> AsyncIterator[RealContainers]:
    async with AsyncExitStack() as stack:
        running = RealContainers(stack_state, docker_engine, stack)
        await running.run(USUAL)
        yield running


def say(stage: RealContainers, *lines: str) -> None:
    """The application writes these lines to its log."""
    for line in lines:
        stage.output("sh", "-c", 'printf "%s\\n" "$1" > /proc/1/fd/1', "sh", line)


def read(stage: RealContainers, **log: Any) -> ContainerState:
    """The first container, with its log if there is one to be read."""
    asked = Log.model_validate(log) if log else None
    look = examples.look(stage.target.model_copy(update={"log": asked}))
    reading = stage.port.read_containers(look).instances[stage.target.instances[0].name]
    assert isinstance(reading, Known)
    return reading.value


def told(stage: RealContainers, **log: Any) -> list[str]:
    """The lines that were read."""
    found = read(stage, **log).log
    assert isinstance(found, Known)
    return [line.text for line in found.value]


def test_nothing_is_read_unless_it_is_asked_for(stage: RealContainers) -> None:
    say(stage, "pool timeout")
    assert read(stage).log is None


def test_the_last_lines_that_match_are_told_in_their_order(stage: RealContainers) -> None:
    say(stage, "pool timeout on one", "nothing of interest", "pool timeout on two", "Pool timeout on three")
    assert told(stage, pattern="(?i)pool", most=2) == ["pool timeout on two", "Pool timeout on three"]


def test_a_line_has_the_engine_s_time(stage: RealContainers) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    say(stage, "pool timeout")
    found = read(stage, pattern="pool").log
    assert isinstance(found, Known)
    assert before < found.value[0].at < datetime.now(UTC) + timedelta(seconds=5)


def test_no_literal_of_a_statement_and_no_control_sign_is_told(stage: RealContainers) -> None:
    say(stage, "pool: SELECT * FROM users WHERE mail = 'ada@example.org' AND id = 4711 \x1b[2J")
    (line,) = told(stage, pattern="pool")
    assert line.startswith("pool: SELECT * FROM users WHERE mail = ? AND id = ?")
    assert line.isprintable()


def test_no_credential_is_told(stage: RealContainers) -> None:
    say(stage, "pool of postgresql://shop:hunter2@db/shop is full", "pool: password=hunter2, 20 of 20")
    assert told(stage, pattern="pool") == [
        "pool of postgresql://?@db/shop is full",
        "pool: password=?, ? of ?",
    ]


def test_a_long_line_is_cut(stage: RealContainers) -> None:
    say(stage, "pool " + "x" * 9000)
    (line,) = told(stage, pattern="pool")
    assert len(line) <= 300


def test_what_was_written_before_is_left_out(stage: RealContainers) -> None:
    say(stage, "pool timeout")
    assert told(stage, pattern="pool", within="0s") == []


def test_a_log_that_cannot_be_read_is_unavailable_with_its_reason() -> None:
    client = DockerClient(base_url="tcp://127.0.0.1:9", version="1.44", timeout=1)
    container = Container(attrs={"Id": "0" * 64, "Name": "/shop-1"}, client=client)
    log = Log.model_validate({"pattern": "pool"})
    found = read_log(container, log, datetime.now(UTC))
    assert isinstance(found, Unavailable)
    assert found.reason.startswith("log of container shop-1: the engine did not answer")
