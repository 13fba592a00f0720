"""A starting worker asks every source once, beside its work and never in its way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast, override

import pytest
from structlog.testing import capture_logs

from deploy.local import probes
from tests.fakes import cases, changes, ports
from tests.fakes.database import FakeDatabase
from tests.fakes.world import World
from tests.unit.test_check import configured, everything
from worker.rehearsal import rehearsed
from workflows.models.evidence import DatabaseReading, MetricsReading
from workflows.ports.requests import Look


@pytest.fixture
def world() -> World:
    return World(cases.target("orders"))


class Waiting(ports.FakeMetrics):
    """Does not answer before it is told to."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    @override
    async def read_metrics(self, look: Look) -> MetricsReading:
        self.asked.set()
        await self.answer.wait()
        return await super().read_metrics(look)


class Broken(FakeDatabase):
    """Fails as a bug does."""

    @override
    async def read_database(self, look: Look) -> DatabaseReading:
        raise ZeroDivisionError


async def something(told: Sequence[object]) -> None:
    """Returns once a line was logged."""

    async def ask() -> str | None:
        return None if told else "nothing was logged"

    assert await probes.until(ask, 10) is None


async def test_the_work_does_not_wait_for_a_source(world: World) -> None:
    metrics = Waiting(world)
    async with rehearsed(configured(world), replace(everything(world), metrics=cast("Any", metrics))):
        await metrics.asked.wait()
    assert not metrics.answer.is_set()


async def test_a_defect_is_told_and_stops_nothing(world: World) -> None:
    broken = replace(everything(world), database=cast("Any", Broken(world)))
    with capture_logs() as told:
        async with rehearsed(configured(world), broken):
            await something(told)
    assert [line["event"] for line in told] == ["the sources could not be asked"]


async def test_what_cannot_be_read_is_told_before_it_is_needed(world: World) -> None:
    world.happens(changes.blind("database", "connection refused"))
    with capture_logs() as told:
        async with rehearsed(configured(world), everything(world)):
            await something(told)
    assert [(line["source"], line["reason"]) for line in told] == [
        ("orders database", "database: connection refused")
    ]
