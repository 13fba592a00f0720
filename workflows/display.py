"""What is seen of an incident: details and gauges while it runs, memo and search attributes after."""

from temporalio import workflow

from workflows.attributes import CAUSE, OUTCOME
from workflows.gauges import measure
from workflows.record import Record
from workflows.report import details


def show(record: Record) -> None:
    """Current details, in Markdown, and gauges; costs no event."""
    workflow.set_current_details(details(record))
    measure(record)


def engrave(record: Record) -> None:
    """What lists and readers find after the run has ended."""
    cause = record.diagnoses[0].first.cause if record.diagnoses else "unknown"
    workflow.upsert_search_attributes([CAUSE.value_set(cause), OUTCOME.value_set(record.ending)])
    acts = [f"{attempt.proposal.act.option}: {attempt.outcome.status}" for attempt in record.attempts]
    workflow.upsert_memo({"outcome": record.ending, "cause": cause, "acts": acts, "report": record.stored})
