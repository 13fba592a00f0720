"""What a plot of an incident marks: the alert, the acts, who was asked and called, when it was over."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from workflows.attempts import describe_result
from workflows.budget import ends
from workflows.models.page import Level
from workflows.models.policy import Policy
from workflows.models.report import Report
from workflows.models.verdict import State

LEAST_BEFORE = timedelta(minutes=2)
SHARE_BEFORE = 0.1
"""So much of the incident's length is shown before it, to see what was usual."""

MOST_MARKS = 24
"""The first and the last of them; the timeline has them all."""


class Mark(NamedTuple):
    """A moment, and in words what was there."""

    at: datetime
    text: str


class Frame(NamedTuple):
    """What time a plot shows, when the pool was exhausted in it, and its marks in order of time."""

    since: datetime
    until: datetime
    healed_at: datetime | None
    opened_at: datetime
    exhausted: float
    """Above this share a pool is exhausted, by the rules that held."""
    recovered: float
    """Below this one it has recovered."""
    marks: tuple[Mark, ...]


def frame(report: Report) -> Frame:
    """From a while before the alert to the report's own time, or the incident's end."""
    until = report.closed_at or report.written_at
    before = max(LEAST_BEFORE, (until - report.opened_at) * SHARE_BEFORE)
    healthy = report.seconds.alert_to_healthy
    rules = report.case.policy if report.case else Policy()
    return Frame(
        since=report.opened_at - before,
        until=until,
        healed_at=None if healthy is None else report.opened_at + timedelta(seconds=healthy),
        opened_at=report.opened_at,
        exhausted=rules.thresholds.exhausted,
        recovered=rules.clear_window.utilization,
        marks=ends(sorted(_marks(report), key=lambda mark: mark.at), MOST_MARKS),
    )


def _marks(report: Report) -> Iterator[Mark]:
    yield Mark(report.opened_at, "the alert began")
    for request in report.requests:
        yield Mark(request.requested_at, f"{request.option}: approval asked")
    for escalation in report.escalations:
        if escalation.level is not Level.L1:
            yield Mark(escalation.at, f"{escalation.level} called: {escalation.reason}")
    for attempt in report.attempts:
        yield Mark(attempt.at, f"{attempt.proposal.act.option}: {describe_result(attempt)}")
    if report.seconds.alert_to_healthy is not None:
        healed = report.opened_at + timedelta(seconds=report.seconds.alert_to_healthy)
        yield Mark(healed, "the pool was free")
    for verdict in report.verdicts:
        met = "recovered, verified over" if verdict.state is State.RECOVERED else f"{verdict.state} after"
        yield Mark(verdict.until, f"{met} the clear window")
