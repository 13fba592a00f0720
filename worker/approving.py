"""`/approvals/…`: the page behind one person's link. Reading it changes nothing; its two buttons answer."""

from typing import NamedTuple
from urllib.parse import parse_qs

import structlog
from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import HTMLResponse
from prometheus_client import Counter

from activities.ballot import PATH, Ballot, Ballots
from activities.signed_link import LinkRefused
from worker.body import ANSWER, read_body
from worker.errors import AnswerRefused, NoIncident, PayloadSealed, TemporalUnavailable
from worker.incidents import Incidents
from worker.link_page import LinkPage
from worker.presses import MOST_PRESSES, Presses
from workflows.approval import approvers_of
from workflows.models import approval
from workflows.models.approval import Answer, Channel, Decision
from workflows.models.diagnosis import Finding
from workflows.models.report import Report

_log = structlog.get_logger("poolmedic.approve")
_BLANK = {"ballot": None, "found": None, "decision": None, "problem": ""}
_CHOICES = {"approve": True, "reject": False}


class Standing(NamedTuple):
    """How it stands with what the link is for."""

    request: approval.Request | None
    """None once it does not wait any more."""
    approved: tuple[str, ...]
    won: Decision | None
    finding: Finding | None
    """Why it was asked."""


def standing(report: Report, ballot: Ballot) -> Standing:
    """What the one who holds the link is shown."""
    own = [each for each in report.decisions if each.request == ballot.request and each.accepted]
    pending = report.pending
    is_for_it = pending and (pending.id, pending.digest) == (ballot.request, ballot.digest)
    return Standing(
        request=pending if is_for_it else None,
        approved=approvers_of(own, ballot.request),
        won=next((each for each in own if each.is_final), None),
        finding=report.diagnoses[-1].first if report.diagnoses else None,
    )


class Approving:
    """Takes the word of the one person whom a link names; the incident judges it, and writes it down."""

    def __init__(self, incidents: Incidents, ballots: Ballots, refused: Counter) -> None:
        self._incidents, self._ballots, self._refused = incidents, ballots, refused
        self._page = LinkPage("approve.html", _BLANK, refused, "poolmedic.approve")
        self._presses = Presses()

    def serve_on(self, app: FastAPI) -> None:
        """Add the page, and what its buttons do; the link itself is the permission."""
        self._page.serve_on(app, PATH, show=self.show, take=self.take)

    async def show(self, token: str) -> HTMLResponse:
        """Show what is asked. Mail scanners and previews open links, so nothing is done here."""
        try:
            ballot = self._ballots.read(token)
        except LinkRefused as refusal:
            return self._page.refuse(refusal)
        try:
            found = standing(await self._incidents.asked(ballot.target, ballot.run), ballot)
        except NoIncident:
            return self._page.render(status.HTTP_410_GONE, ballot=ballot, problem="This incident is over.")
        except (TemporalUnavailable, PayloadSealed) as failure:
            told = "It cannot be shown now. Nothing was done. Open the link again."
            return self._page.fail(failure, told, ballot=ballot)
        if found.request or found.won:
            return self._page.render(status.HTTP_200_OK, ballot=ballot, found=found)
        told = f"Request {ballot.request} waits no more: it expired or was withdrawn. Nothing was done."
        return self._page.render(status.HTTP_410_GONE, ballot=ballot, problem=told)

    async def take(self, token: str, request: Request) -> HTMLResponse:
        """Give the answer to this very incident."""
        try:
            ballot = self._ballots.read(token)
        except LinkRefused as refusal:
            return self._page.refuse(refusal)
        try:
            answer = _answer_in(await read_body(request, ANSWER), ballot)
            if self._presses.is_one_too_many(f"{ballot.run}/{ballot.request}/{ballot.by}"):
                told = f"This link was used {MOST_PRESSES} times already. Nothing was done."
                return self._page.render(status.HTTP_429_TOO_MANY_REQUESTS, ballot=ballot, problem=told)
            decision = await self._incidents.decide_by_link(ballot.target, ballot.run, answer)
        except HTTPException as unread:
            return self._page.render(
                unread.status_code, ballot=ballot, problem=f"Nothing was done: {unread.detail}."
            )
        except AnswerRefused as refusal:
            return self._page.render(
                status.HTTP_409_CONFLICT, ballot=ballot, problem=f"Nothing was done: {refusal}."
            )
        except NoIncident:
            told = "This incident is over. Nothing was done."
            return self._page.render(status.HTTP_410_GONE, ballot=ballot, problem=told)
        except (TemporalUnavailable, PayloadSealed) as failure:
            told = "It is not known whether your answer was taken. Open the link again."
            return self._page.fail(failure, told, ballot=ballot)
        return self._tell(decision, ballot)

    def _tell(self, decision: Decision, ballot: Ballot) -> HTMLResponse:
        """Who comes too late has done nothing wrong; any other answer that does not count is looked into."""
        about = {"target": ballot.target, "request": ballot.request, "by": ballot.by}
        if decision.accepted or decision.is_late:
            _log.info("answered by link", **about, approve=decision.approve, counts=decision.accepted)
            return self._page.render(status.HTTP_200_OK, ballot=ballot, decision=decision)
        self._refused.inc()
        _log.warning("answer by link refused", **about, reason=decision.message)
        return self._page.render(
            status.HTTP_409_CONFLICT,
            ballot=ballot,
            problem=f"Your answer does not count: {decision.message}.",
        )


def _answer_in(body: bytes, ballot: Ballot) -> Answer:
    """What the form says, in the name of whom the link is for; 422 where it says neither yes nor no."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:  # more fields than the form has
        fields = {}
    (choice, *_), (reason, *_) = fields.get("answer", [""]), fields.get("reason", [""])
    if choice not in _CHOICES:
        told = "the answer says neither yes nor no; open the link again"
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, told)
    return Answer(
        request=ballot.request,
        approve=_CHOICES[choice],
        by=ballot.by,
        reason=reason,
        channel=Channel.LINK,
        digest=ballot.digest,
    )
