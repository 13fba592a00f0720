"""Applications of one database, and the ledger of its permits."""

from collections.abc import Callable
from typing import Any

from tests.fakes import cases
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.permit import Ledger, Order
from workflows.models.report import Report

ORDER = Order(by="anna", why="a migration runs")


def database(name: str) -> dict[str, Any]:
    return cases.target().database.model_dump() | {"name": name}


def leak(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))


async def ledger(stage: Stage) -> Ledger:
    (said,) = await stage.databases.resume([stage.target.database.name], Order(by="test", why="", target="x"))
    assert said.ledger is not None
    return said.ledger


def noted(words: str) -> Callable[[Report], list[str]]:
    return lambda report: [entry.text for entry in report.timeline if words in entry.text]


async def denied(incident: RunningIncident, words: str) -> None:
    """For this reason; on a busy machine no answer may come in time at first."""
    for _ in range(5):
        report = await incident.until(noted("not done"))
        if noted(words)(report):
            return
        await incident.step(seconds=5)
    raise AssertionError(noted("not done")(await incident.state()))


async def healed(incident: RunningIncident) -> None:
    await incident.until(noted("look after the act: the pool is free"))
