"""Whole incidents as reports, with every text that a stranger may write in one place."""

from datetime import timedelta
from typing import Any

from tests.unit import scenes
from tests.unit.scenes import NOW
from workflows.models.alert import Alert, AlertStatus, Case
from workflows.models.approval import Decision, Request
from workflows.models.diagnosis import Cause, Diagnosis, Finding
from workflows.models.evidence import Checkout, Crowd, OwnQuery, StatementReading
from workflows.models.outcome import Attempt, Outcome, OutcomeStatus, Touched
from workflows.models.page import Escalation, Level
from workflows.models.plan import Act, Proposal, Resize, Restart, Termination
from workflows.models.policy import Permission
from workflows.models.report import Ending, Entry, Report, Seconds
from workflows.models.verdict import Criterion, State, Verdict

QUERY = 4711
HARMLESS = "word"


def attempt(act: Act, status: OutcomeStatus = OutcomeStatus.DONE, **changes: Any) -> Attempt:
    """An act with its result; keywords replace its fields."""
    proposal = Proposal(
        act=act,
        cause=Cause.LEAK,
        why="because",
        effect="the effect",
        risk="the risk",
        permission=Permission.ALONE,
    )
    fields = {
        "proposal": proposal,
        "decided_by": "poolmedic",
        "at": NOW + timedelta(seconds=1),
        "outcome": Outcome(status=status),
        "helped": True,
    }
    return Attempt.model_validate({**fields, **changes})


def termination(pids: int = 3, **changes: Any) -> Attempt:
    """So many sessions ended."""
    found = scenes.sessions(pids)
    touched = tuple(Touched(what=str(each.identity), changed=True, result="ended") for each in found)
    act = Termination(sessions=tuple(each.identity for each in found))
    outcome = Outcome(status=OutcomeStatus.DONE, touched=touched, detail=f"{pids} of {pids} sessions ended")
    return attempt(act, **{"outcome": outcome, **changes})


def restart(**changes: Any) -> Attempt:
    """The container restarted."""
    act = Restart(instance="web-1", container="shop-1", container_id=f"{1:064x}", started_at=scenes.STARTED)
    return attempt(act, **changes)


def resize(**changes: Any) -> Attempt:
    """The pool grown to twice its size, by approval."""
    act = Resize(sizes={"web-1": 40}, baseline={"web-1": 20}, lasts=timedelta(hours=4))
    return attempt(act, **changes)


def verdict(state: State = State.RECOVERED, measured: str = "12.5 % at most") -> Verdict:
    """The clear window after the act."""
    since = NOW + timedelta(seconds=3)
    criterion = Criterion(name="pool utilization", state=state, measured=measured, limit="below 70.0 %")
    return Verdict(state=state, criteria=(criterion,), since=since, until=since + timedelta(minutes=5))


def diagnosis(cause: Cause = Cause.LEAK, sessions: int = 3, **changes: Any) -> Diagnosis:
    """One finding with its sessions; keywords replace fields of the diagnosis."""
    found = tuple(scenes.sessions(sessions, query_id=QUERY))
    finding = Finding(
        cause=cause, confidence=0.9, reasons=("a reason",), instances=("web-1",), sessions=found
    )
    return Diagnosis.model_validate({"findings": (finding,), "pools": {}, **changes})


def report(**changes: Any) -> Report:
    """A leak that was healed in 5 min 8 s; keywords replace fields."""
    statement = StatementReading(query_id=QUERY, text="SELECT * FROM orders", calls=9, mean_seconds=0.1)
    alert = Alert(
        name="PoolExhausted",
        status=AlertStatus.FIRING,
        fingerprint="f00d",
        starts_at=NOW,
        labels={"service": "shop"},
        received_at=NOW,
    )
    fields = {
        "target": "shop",
        "workflow_id": "pool/shop",
        "run_id": "0199c0de-0000-7000-8000-000000000001",
        "outcome": Ending.RECOVERED,
        "opened_at": NOW,
        "written_at": NOW + timedelta(minutes=6),
        "closed_at": NOW + timedelta(minutes=40),
        "complete": True,
        "recurrences": 0,
        "evidence": scenes.evidence(
            database=scenes.database(scenes.sessions(3), statements=scenes.known((statement,)))
        ),
        "diagnoses": (diagnosis(),),
        "attempts": (termination(),),
        "requests": (),
        "decisions": (),
        "escalations": (Escalation(level=Level.L1, reason="leak", at=NOW, delivered_by="on-call"),),
        "verdicts": (verdict(),),
        "timeline": (Entry(at=NOW, text="alert is firing"),),
        "seconds": Seconds(
            alert_to_acknowledged=0.9,
            alert_to_first_action=1.0,
            alert_to_healthy=3.0,
            alert_to_verified=303.0,
        ),
        "links": {"Temporal": "http://127.0.0.1:8233/namespaces/default"},
        "case": Case(target=scenes.target(), policy=scenes.policy(), alert=alert),
    }
    return Report.model_validate({**fields, **changes})


def request(effect: str = "grow the pool") -> Request:
    """A request that ada may answer."""
    return Request(
        id="a1b2",
        option="resize",
        effect=effect,
        risk="more load",
        approvers=("ada",),
        requested_at=NOW,
        until=NOW + timedelta(minutes=10),
    )


def decision(
    by: str = "ada", message: str = "approved by ada", *, accepted: bool = True, reason: str = ""
) -> Decision:
    """An answer."""
    return Decision(
        request="a1b2", accepted=accepted, approve=True, by=by, at=NOW, message=message, reason=reason
    )


def written_by_strangers(text: str) -> Report:
    """A report in which everything that does not come from this program says `text`."""
    subject = scenes.with_database(scenes.target(), role=text, dbname=text, application_names=(text,))
    base = report()
    session = scenes.session(7, usename=text, datname=text, application_name=text, query_id=QUERY)
    finding = base.diagnoses[0].first.model_copy(update={"reasons": (text,), "sessions": (session,)})
    statement = StatementReading(query_id=QUERY, text=text, calls=1, mean_seconds=1)
    touched = (Touched(what=text, changed=True, result=text),)
    act = termination(
        decided_by=text, outcome=Outcome(status=OutcomeStatus.PARTLY, touched=touched, detail=text)
    )
    told = {"effect": text, "risk": text, "why": text}
    assert base.case is not None
    alert = base.case.alert.model_copy(update={"name": text, "labels": {text: text}})
    return base.model_copy(
        update={
            "case": base.case.model_copy(update={"target": subject, "alert": alert}),
            "evidence": scenes.evidence(
                application=scenes.application(
                    scenes.page(
                        checkouts=scenes.known((Checkout(borrower=text, held_seconds=60),)),
                        queries=scenes.known((OwnQuery(text=text, mean_seconds=1),)),
                    )
                ),
                database=scenes.database(
                    [session],
                    statements=scenes.known((statement,)),
                    crowd=scenes.known((Crowd(role=text, application=text, state=text, sessions=1),)),
                ),
            ),
            "diagnoses": (Diagnosis(findings=(finding,), pools={}, missing=(text,)),),
            "attempts": (act.model_copy(update={"proposal": act.proposal.model_copy(update=told)}),),
            "requests": (request(text),),
            "decisions": (decision(text, text), decision(text, text, accepted=False, reason=text)),
            "escalations": (Escalation(level=Level.L2, reason=text, at=NOW, failure=text),),
            "verdicts": (verdict(State.NOT_RECOVERED, text), verdict(measured=text)),
            "timeline": (Entry(at=NOW, text=text),),
        }
    )
