"""The contract of the port Notifications, on the fake and on Apprise with a real HTTP receiver."""

import asyncio
import contextlib
import dataclasses
import random
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import override

import pytest

from activities.ballot import Ballot, Ballots
from activities.invitation import Invitation, Invitations
from activities.notifications import Address, AppriseNotifications
from deploy.local.receiver import Receiver
from tests.fakes import cases
from tests.fakes.ports import FakeNotifications
from tests.fakes.world import World
from tests.ports import examples
from workflows.errors import NotConfigured, SourceUnavailable
from workflows.models.page import Asked, Delivery, Level, Page
from workflows.ports.activities import Notifications

KEY = "pool/orders/7/acknowledge"


class PhoneStage(ABC):
    """Two routes, `on-call` and `backup`; `heard` is what really arrived on each."""

    port: Notifications

    @abstractmethod
    def take_down(self, route: str) -> None:
        """Nobody listens on this route any more."""

    @abstractmethod
    def heard(self, route: str) -> list[str]:
        """The pages that arrived, each as one text."""


class FakePhones(PhoneStage):
    """The simulated world."""

    def __init__(self) -> None:
        self._world = World(cases.target())
        self.port = FakeNotifications(self._world)

    @override
    def take_down(self, route: str) -> None:
        self._world.routes_down[route] = "nobody listens"

    @override
    def heard(self, route: str) -> list[str]:
        up = [name for name in ("on-call", "backup") if name not in self._world.routes_down]
        return [f"{page.title}\n{page.body}\n{page.key}" for _, page in self._world.pages if up[0] == route]


class RealPhones(PhoneStage):
    """A receiver process, which writes down what it got."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._path = uuid.uuid4().hex
        self._addresses = {route: {"PHONE": self._address(route)} for route in ("on-call", "backup")}
        self.port = AppriseNotifications(self._addresses)

    @override
    def take_down(self, route: str) -> None:
        self._addresses[route] = {"PHONE": "json://127.0.0.1:9/nobody"}
        self.port = AppriseNotifications(self._addresses)

    @override
    def heard(self, route: str) -> list[str]:
        messages = self._receiver.messages(f"/{self._path}/{route}")
        return [f"{message.body['title']}\n{message.body['message']}" for message in messages]

    def _address(self, route: str) -> str:
        return self._receiver.apprise_url(f"{self._path}/{route}")


@pytest.fixture(params=["fake", "real"])
def stage(request: pytest.FixtureRequest, receiver: Receiver) -> PhoneStage:
    return FakePhones() if request.param == "fake" else RealPhones(receiver)


def page(*routes: str, body: str = "the pool is full", **fields: object) -> Page:
    given = {"key": KEY, "level": Level.L2, "target": "orders", "routes": routes or ("on-call", "backup")}
    return Page.model_validate({**given, "title": "orders: not resolved", "body": body, **fields})


async def send(port: Notifications, what: Page) -> Delivery:
    return await examples.environment().run(port.send_page, what)


async def test_the_first_route_that_works_takes_the_page(stage: PhoneStage) -> None:
    delivery = await send(stage.port, page())
    assert delivery == Delivery(route="on-call")
    (text,) = stage.heard("on-call")
    assert "orders: not resolved" in text
    assert "the pool is full" in text
    assert KEY in text
    assert stage.heard("backup") == []


async def test_a_route_that_is_down_is_told_and_the_next_one_tried(stage: PhoneStage) -> None:
    stage.take_down("on-call")
    delivery = await send(stage.port, page())
    assert delivery.route == "backup"
    assert len(delivery.failed) == 1
    assert len(stage.heard("backup")) == 1


async def test_nobody_reached_is_worth_another_try(stage: PhoneStage) -> None:
    stage.take_down("on-call")
    stage.take_down("backup")
    with pytest.raises(SourceUnavailable, match="L2"):
        await send(stage.port, page())


def phones(receiver: Receiver, **addresses: str) -> AppriseNotifications:
    return AppriseNotifications({"on-call": addresses})


def path() -> str:
    return uuid.uuid4().hex


async def test_one_address_of_a_route_is_enough_and_the_other_is_told(receiver: Receiver) -> None:
    where = path()
    port = phones(receiver, CHAT=receiver.apprise_url(where), MAIL="json://127.0.0.1:9/nobody")
    delivery = await send(port, page("on-call"))
    assert delivery.route == "on-call"
    assert list(delivery.failed) == ["on-call/MAIL"]
    assert len(receiver.messages(f"/{where}")) == 1


async def test_unknown_routes_are_passed_over_unless_there_is_no_other(receiver: Receiver) -> None:
    port = phones(receiver, CHAT=receiver.apprise_url(path()))
    delivery = await send(port, page("no-such-route", "on-call"))
    assert delivery.route == "on-call"
    assert delivery.failed == {"no-such-route": "not configured"}
    with pytest.raises(NotConfigured, match="no-such-route, nor-this"):
        await send(port, page("no-such-route", "nor-this"))


@contextlib.asynccontextmanager
async def mute() -> AsyncIterator[int]:
    """A port that takes connections and never answers."""

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_route_that_never_answers_costs_its_time_and_no_more(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.notifications.SECONDS_PER_ROUTE", 1.0)
    where = path()
    async with mute() as port:
        phone = AppriseNotifications(
            {
                "on-call": {"CHAT": f"json://127.0.0.1:{port}/x"},
                "backup": {"CHAT": receiver.apprise_url(where)},
            }
        )
        began = time.monotonic()
        delivery = await send(phone, page())
        assert time.monotonic() - began < 3
    assert delivery.route == "backup"
    assert "on-call/CHAT" in delivery.failed
    assert len(receiver.messages(f"/{where}")) == 1


async def test_no_secret_is_told_when_a_service_refuses(receiver: Receiver) -> None:
    # Apprise's reason names the host, which is the secret here.
    port = phones(receiver, CHAT="json://s3cretT0ken.invalid/x")
    with pytest.raises(SourceUnavailable) as failure:
        await send(port, page("on-call"))
    assert "on-call/CHAT: JSON" in failure.value.message
    assert "***" in failure.value.message
    assert "s3cret" not in failure.value.message


def test_a_password_is_not_told_as_it_reads_decoded() -> None:
    address = Address("CHAT", "json://medic:s%40cr%2Fet1@127.0.0.1:9/room%20of%20ada?key=a%2Bb%2Bc")
    for said in ("s@cr/et1", "s%40cr%2Fet1", "room of ada", "a+b+c"):
        assert address._without_secret(f"refused: {said}") == "refused: ***"


def test_an_address_apprise_does_not_know_is_refused_without_being_shown() -> None:
    with pytest.raises(NotConfigured, match="CHAT") as refusal:
        AppriseNotifications({"on-call": {"CHAT": "nonsense://s3cretT0ken"}})
    assert "s3cretT0ken" not in str(refusal.value)


async def test_untrusted_text_calls_nobody_and_breaks_no_line(receiver: Receiver) -> None:
    where = path()
    evil = "app \x1b[31m\u202eevil\x00 <!channel> @here <@U123> @Everyone\nnext line"
    links = {"Temporal": "http://127.0.0.1:8233/namespaces/default"}
    await send(phones(receiver, CHAT=receiver.apprise_url(where)), page("on-call", body=evil, links=links))
    (message,) = receiver.messages(f"/{where}")
    text = message.body["message"]
    assert all(sign.isprintable() or sign in "\n\u2060" for sign in text)
    for call in ("<!channel", "@here", "<@U123", "@Everyone"):
        assert call not in text
    assert "\nnext line\n" in text
    assert "Temporal: http://127.0.0.1:8233/namespaces/default" in text
    assert text.endswith(f"Page {KEY}")


async def test_a_page_that_is_too_long_is_cut_and_says_so(receiver: Receiver) -> None:
    where = path()
    body = "\n".join(f"line {number} " + "x" * 100 for number in range(200))
    await send(phones(receiver, CHAT=receiver.apprise_url(where)), page("on-call", body=body))
    (message,) = receiver.messages(f"/{where}")
    assert len(message.body["message"]) < 4000
    assert "(cut: see the links)" in message.body["message"]
    assert message.body["message"].endswith(KEY)


async def test_the_same_page_twice_carries_the_same_key(receiver: Receiver) -> None:
    where = path()
    port = phones(receiver, CHAT=receiver.apprise_url(where))
    await send(port, page("on-call"))
    await send(port, page("on-call"))
    first, second = receiver.messages(f"/{where}")
    assert first.body == second.body
    assert first.body["type"] == "failure"


async def test_good_news_is_not_shown_as_a_warning(receiver: Receiver) -> None:
    where = path()
    good = page("on-call").model_copy(update={"level": Level.L1, "is_good_news": True})
    await send(phones(receiver, CHAT=receiver.apprise_url(where)), good)
    (message,) = receiver.messages(f"/{where}")
    assert message.body["type"] == "success"


@pytest.mark.parametrize(
    ("workflow_id", "is_good_news", "is_linked"),
    [("pool/orders", False, True), ("pool/orders", True, False), ("temporary/orders", False, False)],
)
async def test_a_page_holds_a_link_that_takes_its_very_incident(
    receiver: Receiver, workflow_id: str, *, is_good_news: bool, is_linked: bool
) -> None:
    where, invitations = path(), Invitations(("key-of-links-0123456789",), "https://poolmedic.example/")
    port = AppriseNotifications({"on-call": {"CHAT": receiver.apprise_url(where)}}, invitations)
    environment = examples.environment()
    environment.info = dataclasses.replace(environment.info, workflow_id=workflow_id, workflow_run_id="run-7")
    await environment.run(port.send_page, page("on-call", is_good_news=is_good_news))

    (message,) = receiver.messages(f"/{where}")
    start = "acknowledge: https://poolmedic.example/acknowledge/"
    links = [line for line in message.body["message"].splitlines() if line.startswith("acknowledge: ")]
    found = [invitations.read(link.removeprefix(start)) for link in links]
    assert found == ([Invitation(target="orders", run="run-7")] if is_linked else [])


_LONG = "".join(chr(sign) for sign in random.Random(1).sample(range(0x20000, 0x2A000), 100))
"""A name that no compression makes shorter."""


@pytest.mark.parametrize("by", ["ada", _LONG], ids=["short", "long"])
async def test_a_page_to_one_person_alone_holds_a_whole_link_that_answers_in_their_name(
    receiver: Receiver, by: str
) -> None:
    where, keys, public = path(), ("key-of-links-0123456789",), "https://poolmedic.example/"
    routes, ballots = {"on-call": {"CHAT": receiver.apprise_url(where)}}, Ballots(keys, public)
    port = AppriseNotifications(routes, Invitations(keys, public), ballots)
    environment = examples.environment()
    environment.info = dataclasses.replace(
        environment.info, workflow_id="pool/orders", workflow_run_id="run-7"
    )
    asked = Asked(by=by, request="r1", digest="d" * 32, until=datetime.now(UTC))
    for each in (None, asked):
        await environment.run(port.send_page, page("on-call", asked=each))

    to_all, to_one = (message.body["message"] for message in receiver.messages(f"/{where}"))
    assert "answer as" not in to_all
    assert "acknowledge: " in to_one
    (link,) = [
        line.removeprefix(f"answer as {by}: ") for line in to_one.splitlines() if line.startswith("answer")
    ]
    ballot = ballots.read(link.removeprefix("https://poolmedic.example/approvals/"))
    assert ballot == Ballot(target="orders", run="run-7", **asked.model_dump())
