"""People, reached through Apprise: each route a set of addresses, tried in the order the page names them."""

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import override
from urllib.parse import unquote

from apprise import Apprise, NotifyBase, NotifyFormat, NotifyType
from temporalio import activity

from activities.ballot import Ballot, Ballots
from activities.invitation import Invitation, Invitations
from activities.page_text import render, render_title
from workflows.errors import NotConfigured, SourceUnavailable
from workflows.models.page import Delivery, Level, Page
from workflows.models.text import clean
from workflows.naming import workflow_id
from workflows.ports.activities import Notifications

SECONDS_PER_ROUTE = 10.0
SECONDS_PER_PAGE = 40.0
"""All routes together; less than the page's activity may take."""
_URGENCY = {Level.L1: NotifyType.WARNING, Level.L2: NotifyType.FAILURE, Level.L3: NotifyType.FAILURE}
_SHORTEST_SECRET = 5
_log = logging.getLogger("poolmedic.notifications")


class AppriseNotifications(Notifications):
    """`routes`: for each route, by its secret's name, the Apprise address that the secret holds.

    `invitations` sign the link to acknowledge, `ballots` that by which one person answers a request: here and
    not in the workflow, because what a workflow knows stands in its history, and in the report.
    """

    def __init__(
        self,
        routes: Mapping[str, Mapping[str, str]],
        invitations: Invitations | None = None,
        ballots: Ballots | None = None,
    ) -> None:
        """Raises NotConfigured for an address that Apprise does not know; the message never shows it."""
        self._invitations, self._ballots = invitations, ballots
        self._routes = {
            route: [Address(name, secret) for name, secret in addresses.items()]
            for route, addresses in routes.items()
        }

    @activity.defn
    @override
    async def send_page(self, page: Page) -> Delivery:
        known = [route for route in page.routes if self._routes.get(route)]
        if not known:
            raise NotConfigured(f"none of the routes {', '.join(page.routes)} is in the configuration")
        failed = dict.fromkeys((route for route in page.routes if route not in known), "not configured")
        page = self._with_links(page)
        seconds = min(SECONDS_PER_ROUTE, SECONDS_PER_PAGE / len(known))
        for route in known:
            failures = await self._send(route, page, seconds)
            failed |= {f"{route}/{name}": reason for name, reason in failures.items()}
            for name, reason in failures.items():
                _log.warning("%s of route %s has not taken the page: %s", name, route, reason)
            if len(failures) < len(self._routes[route]):
                return Delivery(route=route, failed=failed)
        told = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise SourceUnavailable(f"{page.whom} could not be reached: {told}")

    def _with_links(self, page: Page) -> Page:
        """Good news needs nobody; a page about a temporary change belongs to no incident's run."""
        sender = activity.info()
        run = sender.workflow_run_id if sender.workflow_id == workflow_id(page.target) else None
        if page.is_good_news or run is None:
            return page
        return page.model_copy(update={"links": {**self._links(page, run), **page.links}})

    def _links(self, page: Page, run: str) -> dict[str, str]:
        links = {}
        if self._ballots and (asked := page.asked):
            ballot = Ballot(target=page.target, run=run, **asked.model_dump())
            links[f"answer as {asked.by}"] = self._ballots.link(ballot)
        if self._invitations:
            links["acknowledge"] = self._invitations.link(Invitation(target=page.target, run=run))
        return links

    async def _send(self, route: str, page: Page, seconds: float) -> dict[str, str]:
        """Why, by name, for the addresses of this route that did not take the page."""
        addresses = self._routes[route]
        reasons = await asyncio.gather(*(address.send(page, seconds) for address in addresses))
        return {
            address.name: reason
            for address, reason in zip(addresses, reasons, strict=True)
            if reason is not None
        }


class Address:
    """One Apprise address, known to people by the name of its secret."""

    def __init__(self, name: str, secret: str) -> None:
        with _silence():
            service = Apprise.instantiate(secret)
        if not isinstance(service, NotifyBase):
            raise NotConfigured(f"{name} holds no address that Apprise knows; see `apprise --details`")
        self.name = name
        self._service = str(service.service_name)
        self._secret = secret
        self._apprise = Apprise()
        self._apprise.add(service)

    async def send(self, page: Page, seconds: float) -> str | None:
        """Why it was not taken, or None. Apprise blocks, so it gets a thread, and gives up by itself."""
        result = await asyncio.to_thread(
            self._apprise.notify,
            title=render_title(page),
            body=render(page),
            notify_type=NotifyType.SUCCESS if page.is_good_news else _URGENCY[page.level],
            body_format=NotifyFormat.TEXT,
            timeout=seconds,
        )
        if result:
            return None
        said = "; ".join(entry.message for entry in result.logs()) or f"no answer within {seconds:.0f} s"
        return clean(f"{self._service}: {self._without_secret(said)}")

    def _without_secret(self, text: str) -> str:
        for piece in sorted(_pieces(self._secret), key=len, reverse=True):
            text = text.replace(piece, "***")
        return text


@contextmanager
def _silence() -> Iterator[None]:
    """Apprise logs what it does not take, in its own words and before ours."""
    logger = logging.getLogger("apprise")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _pieces(secret: str) -> set[str]:
    """Its words and its parts, these decoded too: an address holds a password otherwise than it reads."""
    words = "".join(sign if sign.isalnum() else " " for sign in secret).split()
    parts = re.split(r"[/:@?&=,#]+", secret)
    return {piece for piece in (*words, *parts, *map(unquote, parts)) if len(piece) >= _SHORTEST_SECRET}
