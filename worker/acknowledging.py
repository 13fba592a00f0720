"""`/acknowledge/…`: the page behind a link in a message. Reading it changes nothing; its button does."""

from urllib.parse import parse_qs

import structlog
from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import HTMLResponse
from prometheus_client import Counter

from activities.invitation import PATH, Invitations
from activities.signed_link import LinkRefused
from worker.body import FORM, read_body
from worker.errors import NoIncident, PayloadSealed, TemporalUnavailable
from worker.incidents import Incidents
from worker.link_page import LinkPage
from worker.presses import MOST_PRESSES, Presses
from workflows.approval import UnreadableAnswer, read_name

_BLANK = {"invitation": None, "name": "", "problem": ""}
_log = structlog.get_logger("poolmedic.acknowledge")


class Acknowledging:
    """Takes the word of whoever has a link; the name is claimed, as a signal's is."""

    def __init__(self, incidents: Incidents, invitations: Invitations, refused: Counter) -> None:
        self._incidents, self._invitations = incidents, invitations
        self._page = LinkPage("acknowledge.html", _BLANK, refused, "poolmedic.acknowledge")
        self._presses = Presses()

    def serve_on(self, app: FastAPI) -> None:
        """Add the page, and what its button does; the link itself is the permission."""
        self._page.serve_on(app, PATH, show=self.show, take=self.take)

    async def show(self, token: str) -> HTMLResponse:
        """Ask for a name. Mail scanners and previews open links, so nothing is done here."""
        try:
            invitation = self._invitations.read(token)
        except LinkRefused as refusal:
            return self._page.refuse(refusal)
        return self._page.render(status.HTTP_200_OK, invitation=invitation)

    async def take(self, token: str, request: Request) -> HTMLResponse:
        """Say to this very incident that the person has it in hand."""
        try:
            invitation = self._invitations.read(token)
        except LinkRefused as refusal:
            return self._page.refuse(refusal)
        try:
            name = _name_in(await read_body(request, FORM))
            # Who used an earlier page's link up keeps nobody from a later one's.
            if self._presses.is_one_too_many(f"{invitation.run}/{self._invitations.made_at(token)}"):
                told = f"This link was used {MOST_PRESSES} times already. Nothing was done."
                return self._page.render(
                    status.HTTP_429_TOO_MANY_REQUESTS, invitation=invitation, problem=told
                )
            await self._incidents.take_on(invitation.target, invitation.run, name)
        except UnreadableAnswer:
            told = "Nothing was done: a name is needed, and it must be a person's."
            return self._page.render(
                status.HTTP_422_UNPROCESSABLE_CONTENT, invitation=invitation, problem=told
            )
        except HTTPException as unread:
            told = f"Nothing was done: {unread.detail}."
            return self._page.render(unread.status_code, invitation=invitation, problem=told)
        except NoIncident:
            return self._page.render(status.HTTP_410_GONE, problem="This incident is over. Nothing was done.")
        except (TemporalUnavailable, PayloadSealed) as failure:
            return self._page.fail(failure, "It was not taken. Try again.", invitation=invitation)
        _log.info("acknowledged by link", target=invitation.target, by=name)
        return self._page.render(status.HTTP_200_OK, invitation=invitation, name=name)


def _name_in(body: bytes) -> str:
    """The form's field `by`; raises `UnreadableAnswer`."""
    try:
        given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("by", [""])
    except ValueError:  # more fields than the form has
        given = [""]
    return read_name((given[0],))
