"""The report: what happened, on what evidence, who decided what, what was touched, how fast."""

from enum import StrEnum

from workflows.models.alert import Case
from workflows.models.approval import Decision, Request
from workflows.models.base import Model, Moment
from workflows.models.diagnosis import Diagnosis
from workflows.models.evidence import Evidence
from workflows.models.outcome import Attempt
from workflows.models.page import Escalation
from workflows.models.text import Sentence
from workflows.models.verdict import Verdict


class Ending(StrEnum):
    """How an incident can end; `open` while it has not."""

    OPEN = "open"
    RECOVERED = "recovered"
    RECOVERED_BY_ITSELF = "recovered without an act"
    HANDED_OVER = "handed over"
    NOTHING_FOUND = "nothing found"

    @property
    def told(self) -> str:
        """In a page's title, once the clear window held."""
        return "recovered, after people were called" if self is Ending.HANDED_OVER else str(self)


class Entry(Model):
    """One line of the incident's timeline."""

    at: Moment
    text: Sentence


class Seconds(Model):
    """How fast, from the alert's own start; None where it did not come to that."""

    alert_to_acknowledged: float | None = None
    alert_to_first_action: float | None = None
    """The first act or the first request for approval."""
    alert_to_healthy: float | None = None
    alert_to_verified: float | None = None


class Report(Model):
    """The whole incident, for people and machines."""

    target: str
    workflow_id: str
    run_id: str
    outcome: Ending
    opened_at: Moment
    written_at: Moment
    closed_at: Moment | None
    complete: bool
    """False at recovery, True when the watch is over."""
    recurrences: int
    firings: int = 0
    """How often its alerts began to fire, every instance counted; 0 in reports older than this field."""
    evidence: Evidence | None
    """The evidence the first diagnosis rests on."""
    diagnoses: tuple[Diagnosis, ...]
    attempts: tuple[Attempt, ...]
    requests: tuple[Request, ...]
    pending: Request | None = None
    """The request that waits for an answer now."""
    decisions: tuple[Decision, ...]
    escalations: tuple[Escalation, ...]
    under_way: tuple[Escalation, ...] = ()
    """Pages that no route has taken yet: sent at that time, and tried again for an hour."""
    verdicts: tuple[Verdict, ...]
    timeline: tuple[Entry, ...]
    seconds: Seconds
    links: dict[str, str]
    case: Case | None = None
    """The alert, the target and the rules that held; None in reports older than this field."""
    left_out: tuple[str, ...] = ()
    """What this report had no room for."""


class Summary(Model):
    """What the workflow returns: small, for lists and machines."""

    target: str
    outcome: Ending
    causes: tuple[str, ...]
    acts: int
    escalations: int
    recurrences: int
    report: str | None
    firings: int = 0
    """As of the report."""
