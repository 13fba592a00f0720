"""A worker offers every activity that a workflow may call, and the fakes do too."""

import inspect
from typing import Any, cast

from tests.fakes import cases
from tests.fakes import ports as fakes
from tests.fakes.database import FakeDatabase
from tests.fakes.indexes import FakeIndexes
from tests.fakes.world import World
from worker.wiring import Ports
from workflows.ports import activities

PORTS = [each for _, each in inspect.getmembers(activities, inspect.isabstract)]
CALLED = {method for port in PORTS for method in port.__abstractmethods__}


def test_the_worker_offers_every_activity() -> None:
    world = World(cases.target())
    wired = Ports(
        metrics=cast("Any", fakes.FakeMetrics(world)),
        application=fakes.FakeApplication(world),
        database=cast("Any", FakeDatabase(world)),
        indexes=cast("Any", FakeIndexes(world)),
        containers=cast("Any", fakes.FakeContainers(world)),
        alerts=fakes.FakeAlerts(world),
        notifications=fakes.FakeNotifications(world),
        reports=fakes.FakeReports(world),
    )
    assert {each.__name__ for each in wired.activities} == CALLED


def test_the_fakes_offer_every_activity() -> None:
    assert {each.__name__ for each in fakes.activities(World(cases.target()))} == CALLED
