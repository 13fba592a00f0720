"""`summary.json`: one drill for machines.

Its `seconds` are honest about whose they are. `fault_to_alert`: from the fault to the moment the webhook took
the alert; Prometheus's rule and Alertmanager make up most of it. The others count from that moment:
`alert_to_first_action` to the first act, or to the first request for approval; `alert_to_healthy` to the
first good look; `alert_to_verified` to the end of the clear window. None where it did not come to that.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from deploy.demo.drill import Drill
from deploy.local.errors import StackError
from worker.history import count_actions
from workflows.models.alert import Alert
from workflows.models.report import Report


class NoIncident(StackError):
    """There was no incident to sum up: no alert reached poolmedic."""


class CauseLine(BaseModel):
    """One diagnosis's most likely cause."""

    cause: str
    confidence: float
    reasons: tuple[str, ...]


class ActionLine(BaseModel):
    """One act: what it really touched, and who decided."""

    option: str
    at: datetime
    touched: tuple[str, ...]
    decided_by: str


class EscalationLine(BaseModel):
    """One page to a level of the runbook."""

    level: str
    reason: str
    at: datetime


class Seconds(BaseModel):
    """See the module's docstring."""

    fault_to_alert: float
    alert_to_first_action: float | None
    alert_to_healthy: float | None
    alert_to_verified: float | None


class Summary(BaseModel):
    """The whole file."""

    scenario: str
    target: str
    workflow_id: str
    run_id: str
    outcome: str
    causes: tuple[CauseLine, ...]
    actions: tuple[ActionLine, ...]
    escalations: tuple[EscalationLine, ...]
    seconds: Seconds
    history_events: int
    billable_actions: int
    report: str | None


def summarise(drill: Drill) -> Summary:
    """Sum up a drill that has ended; raises NoIncident."""
    report, alert, history = drill.report, drill.alert, drill.history
    if report is None or alert is None or history is None:
        raise NoIncident("no alert reached poolmedic, so there is nothing to sum up")
    return Summary(
        scenario=drill.scenario.name,
        target=report.target,
        workflow_id=report.workflow_id,
        run_id=report.run_id,
        outcome=report.outcome,
        causes=_causes(report),
        actions=_actions(report),
        escalations=tuple(
            EscalationLine(level=each.level, reason=each.reason, at=each.at) for each in report.escalations
        ),
        seconds=_seconds(drill, report, alert),
        history_events=len(history.events),
        billable_actions=count_actions(history),
        report=drill.stored,
    )


def write(summary: Summary, to: Path) -> None:
    """One JSON document; an earlier one is replaced whole."""
    draft = to.with_suffix(".draft")
    draft.write_text(json.dumps(summary.model_dump(mode="json"), indent=2) + "\n")
    draft.replace(to)


def _causes(report: Report) -> tuple[CauseLine, ...]:
    findings = [diagnosis.first for diagnosis in report.diagnoses]
    return tuple(
        CauseLine(cause=each.cause, confidence=each.confidence, reasons=each.reasons) for each in findings
    )


def _actions(report: Report) -> tuple[ActionLine, ...]:
    return tuple(
        ActionLine(
            option=attempt.proposal.act.option,
            at=attempt.at,
            touched=tuple(each.what for each in attempt.outcome.touched if each.changed),
            decided_by=attempt.decided_by,
        )
        for attempt in report.attempts
    )


def _seconds(drill: Drill, report: Report, alert: Alert) -> Seconds:
    lead = (alert.received_at - report.opened_at).total_seconds()

    def since_received(value: float | None) -> float | None:
        return None if value is None else round(value - lead, 3)

    return Seconds(
        fault_to_alert=round((alert.received_at - drill.fault_at).total_seconds(), 3),
        alert_to_first_action=since_received(report.seconds.alert_to_first_action),
        alert_to_healthy=since_received(report.seconds.alert_to_healthy),
        alert_to_verified=since_received(report.seconds.alert_to_verified),
    )
