"""Who decided what, when and why: the table that an auditor reads first."""

from collections.abc import Iterator
from typing import NamedTuple

from workflows.models.approval import PIPELINE, Decision, Request
from workflows.models.base import Moment
from workflows.models.outcome import Attempt
from workflows.models.report import Report
from workflows.wording import listed


class Decided(NamedTuple):
    """One row."""

    at: Moment
    who: str
    what: str
    why: str


def decided(report: Report) -> list[Decided]:
    """Every request, every answer, counted or not, and every act, in the order in which they happened."""
    return sorted(_rows(report), key=lambda row: row.at)


def _rows(report: Report) -> Iterator[Decided]:
    yield from map(_request, report.requests)
    yield from map(_answer, report.decisions)
    yield from map(_act, report.attempts)


def _request(request: Request) -> Decided:
    whom = (
        f"{request.people} of {listed(request.approvers)}"
        if request.people > 1
        else listed(request.approvers)
    )
    asked = f"asked {whom} ({request.id}), until {request.until:%H:%M:%S}"
    return Decided(request.requested_at, PIPELINE, asked, request.effect)


def _answer(decision: Decision) -> Decided:
    said = f"{'approved' if decision.approve else 'rejected'} {decision.request}"
    counted = said if decision.accepted else f"{said} (did not count)"
    counted += "" if decision.is_final else " (one more has to)"
    reason = f"; their reason: {decision.reason}" if decision.reason else ""
    return Decided(decision.at, decision.by, counted, f"{decision.message}{reason}")


def _act(attempt: Attempt) -> Decided:
    done = f"{attempt.proposal.act.option}: {attempt.outcome.status}"
    return Decided(attempt.at, attempt.decided_by, done, attempt.proposal.why)
