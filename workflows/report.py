"""The report, the summary and the Temporal UI's current details, from the record. Pure."""

from datetime import datetime

from workflows.budget import fit
from workflows.markdown import code, escape
from workflows.models.report import Ending, Report, Seconds, Summary
from workflows.record import Record
from workflows.wording import listed


def compose(record: Record, workflow_id: str, run_id: str, now: datetime) -> Report:
    """What the record knows, as of now, within the budget of a report."""
    report = Report(
        target=record.case.target.name,
        workflow_id=workflow_id,
        run_id=run_id,
        outcome=record.ending,
        opened_at=record.opened_at,
        written_at=now,
        closed_at=record.closed_at,
        complete=record.closed_at is not None,
        recurrences=record.recurrences,
        firings=record.firings,
        evidence=record.first_evidence,
        diagnoses=tuple(record.diagnoses),
        attempts=tuple(record.attempts),
        requests=tuple(record.requests),
        pending=record.pending,
        decisions=tuple(record.decisions),
        escalations=tuple(record.escalations),
        under_way=tuple(record.under_way.values()),
        verdicts=tuple(record.verdicts),
        timeline=tuple(record.timeline),
        seconds=_seconds(record),
        links=record.case.links,
        case=record.case,
    )
    return fit(report)


def _seconds(record: Record) -> Seconds:
    def since_alert(at: datetime | None) -> float | None:
        return None if at is None else (at - record.opened_at).total_seconds()

    return Seconds(
        alert_to_acknowledged=since_alert(record.acknowledged_at),
        alert_to_first_action=since_alert(record.first_act_at),
        alert_to_healthy=since_alert(record.healthy_at),
        alert_to_verified=since_alert(record.recovered_at),
    )


def summarise(record: Record) -> Summary:
    """What lists and machines need."""
    return Summary(
        target=record.case.target.name,
        outcome=record.ending,
        causes=tuple(diagnosis.first.cause for diagnosis in record.diagnoses),
        acts=len(record.attempts),
        escalations=len(record.escalations),
        recurrences=record.recurrences,
        report=record.stored,
        firings=record.firings,
    )


def details(record: Record) -> str:
    """Markdown for the Temporal UI while the incident runs: how it stands, what waits, what happened last."""
    case = record.case
    lines = [f"**{escape(case.target.name)}**: {_standing(record)} (mode {case.policy.mode})", ""]
    if record.diagnoses:
        first = record.diagnoses[-1].first
        reasons = [f"- {escape(reason)}" for reason in first.reasons]
        lines += [f"Cause: **{escape(first.cause)}** ({first.confidence:.0%})", *reasons, ""]
    if record.pending:
        approved = listed(record.approvers_of(record.pending.id))
        so_far = f" (approved by {escape(approved)}, and one more has to)" if approved else ""
        lines += [
            f"Waiting for approval {code(record.pending.id)}{so_far}: {escape(record.pending.effect)}",
            "",
        ]
    lines += [f"- {entry.at:%H:%M:%S} {escape(entry.text)}" for entry in record.timeline[-12:]]
    return "\n".join(lines)


def _standing(record: Record) -> str:
    if record.closed_at is not None:
        return f"closed, {record.ending}"
    if record.ending is not Ending.OPEN:
        return f"{record.ending}, watched until the cooldown is over"
    return "the pool looks free, clear window running" if record.healthy_at else "open"
