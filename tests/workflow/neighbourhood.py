"""Several targets of one database in an incident at once."""

from datetime import timedelta

from tests.fakes import changes
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.report import Report

LATER = timedelta(seconds=20)


def slow_database(*stages: Stage) -> None:
    """Every commit of each of them waits for a standby that is gone."""
    for stage in stages:
        stage.world.happens(changes.lose_standby(), stage.world.after(minutes=-1))


def noted(report: Report, words: str) -> list[str]:
    return [entry.text for entry in report.timeline if words in entry.text]


def called(stage: Stage, level: str, words: str = "") -> list[str]:
    return [page.title for page in stage.world.paged(level) if words in page.title]


async def left_to(younger: RunningIncident) -> None:
    """It has left its call to the older one, and told level 1.

    A page that arrives late in skipped time acknowledges for a moment, and its clock begins anew.
    """
    await younger.until(lambda report: report.escalations and noted(report, "knows of it already"))


async def both(first: Stage, second: Stage) -> tuple[RunningIncident, RunningIncident]:
    """The first incident has called the database team before the second begins."""
    older = await first.incident(age=LATER, beside=[second])
    await older.until(lambda report: [one for one in report.escalations if one.level == "L2"])
    return older, await second.incident(beside=[first])


async def recovered(stage: Stage, *others: Stage) -> RunningIncident:
    """An incident that is over but for its watch."""
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident(beside=others)
    await incident.until(lambda report: report.attempts)
    await incident.resolve()
    await incident.step(minutes=6)
    await incident.until(lambda report: report.outcome == "recovered")
    return incident
