"""The page behind one person's link, over HTTP, before incidents that really run."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from prometheus_client import Counter

from activities.ballot import Ballot, Ballots
from activities.notifications import AppriseNotifications
from deploy.local.receiver import Receiver
from tests.fakes import cases
from tests.ports import examples
from tests.workflow.stage import RunningIncident, Stage, Theatre
from worker.approving import Approving
from worker.http_app import new_app
from worker.incidents import Incidents
from worker.presses import MOST_PRESSES
from workflows.models.report import Report

PUBLIC = "https://poolmedic.example"
BALLOTS = Ballots(("key-of-links-0123456789",), PUBLIC)
LINKED = {"approvers": cases.APPROVERS, "routes": {"ada": ["ada"], "grace": ["grace"]}}


@dataclass(frozen=True)
class Door:
    """The page's process, and the incident that has asked."""

    http: httpx.AsyncClient
    incident: RunningIncident
    stage: Stage
    refusals: Counter

    async def ballot(self, by: str = "ada", **changes: Any) -> Ballot:
        """What the page that was sent to that person is good for, as the activity signs it."""
        (asked, *_) = [
            page.asked for page in self.stage.world.paged("L1") if page.asked and page.asked.by == by
        ][::-1]
        run = (await self.incident.handle.describe()).run_id
        fields = {"target": self.stage.target.name, "run": run, **asked.model_dump(), **changes}
        return Ballot.model_validate(fields)

    async def open(self, ballot: Ballot) -> httpx.Response:
        return await self.http.get(BALLOTS.link(ballot).removeprefix(PUBLIC))

    async def press(self, ballot: Ballot, answer: str = "approve", **fields: str) -> httpx.Response:
        path = BALLOTS.link(ballot).removeprefix(PUBLIC)
        return await self.http.post(path, data={"answer": answer, **fields})

    @property
    def refused(self) -> float:
        return sum(sample.value for sample in next(iter(self.refusals.collect())).samples[:1])


type OpenDoor = Callable[..., Awaitable[Door]]


@pytest.fixture
async def open_door(theatre: Theatre, open_stage: Callable[..., Awaitable[Stage]]) -> AsyncIterator[OpenDoor]:
    """Ten connections wanted, eight there: only a person may enlarge the pool, and two have links."""
    refusals, app = Counter("refused", "By this page.", registry=None), new_app()
    Approving(Incidents(theatre.client), BALLOTS, refusals).serve_on(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC, timeout=30) as http:

        async def open_it(**approval: Any) -> Door:
            stage = await open_stage(pool_size=8, rate=100.0)
            incident = await stage.incident(cases.policy(approval={**LINKED, **approval}))
            await incident.until(lambda report: len(report.escalations) >= 3)
            return Door(http, incident, stage, refusals)

        yield open_it


@pytest.fixture
async def door(open_door: OpenDoor) -> Door:
    return await open_door()


async def acted(door: Door) -> Report:
    report = await door.incident.until(lambda report: report.attempts)
    assert door.stage.world.kinds() == ["resize"]
    return report


async def test_to_read_it_changes_nothing_and_its_button_approves(door: Door) -> None:
    ballot, request = await door.ballot(), await door.incident.asked()
    for _ in range(2):
        page = await door.open(ballot)
        assert page.status_code == 200
        for shown in (request.effect, request.risk, "ada, grace", "You answer as <strong>ada</strong>"):
            assert shown.replace("'", "&#39;") in page.text
        assert f"{request.until:%Y-%m-%d %H:%M:%S} UTC" in page.text
        assert "undersized" in page.text
    await door.incident.step(seconds=5)
    assert (await door.incident.state()).decisions == ()

    answer = await door.press(ballot, reason="now is fine")

    assert (answer.status_code, "Your answer counts: approved by ada" in answer.text) == (200, True)
    assert "<form" not in answer.text
    report = await acted(door)
    assert report.attempts[0].decided_by == "ada"
    (decision,) = report.decisions
    assert decision.message == "approved by ada (by their own link): now is fine"
    assert door.refused == 0


async def test_the_link_that_arrives_with_its_person_is_the_one_that_answers(
    door: Door, receiver: Receiver
) -> None:
    sent = next(page for page in door.stage.world.paged("L1") if page.asked and page.asked.by == "grace")
    port = AppriseNotifications({"grace": {"PHONE": receiver.apprise_url(sent.target)}}, None, BALLOTS)
    environment, run = examples.environment(), await door.incident.handle.describe()
    environment.info = replace(environment.info, workflow_id=run.id, workflow_run_id=run.run_id)
    await environment.run(port.send_page, sent)
    (message,) = receiver.messages(f"/{sent.target}")
    (link,) = re.findall(r"^answer as grace: (\S+)$", message.body["message"], re.MULTILINE)
    await door.http.post(link.removeprefix(PUBLIC), data={"answer": "approve"})
    assert (await acted(door)).attempts[0].decided_by == "grace"


async def test_its_other_button_refuses(door: Door) -> None:
    answer = await door.press(await door.ballot("grace"), "reject", reason="sale is on")
    assert (answer.status_code, "Your answer counts: rejected by grace" in answer.text) == (200, True)
    report = await door.incident.until(
        lambda report: [one for one in report.escalations if one.level == "L2"]
    )
    assert report.attempts[0].decided_by == "grace"
    assert not door.stage.world.acts
    assert [page for page in door.stage.world.paged("L2") if "sale is on" in page.body]


async def test_a_link_is_good_once_and_whoever_presses_again_is_told_politely(door: Door) -> None:
    ballot = await door.ballot()
    await door.press(ballot)
    await acted(door)
    for again in (
        await door.press(ballot),
        await door.press(await door.ballot("grace"), "reject"),
        await door.open(ballot),
    ):
        assert again.status_code == 200
        assert "already decided at" in again.text
        assert "approved by ada" in again.text
        assert "<form" not in again.text
    report = await door.incident.state()
    assert [one.accepted for one in report.decisions] == [True, False, False]
    assert len([one for one in report.timeline if "already decided" in one.text]) == 2
    assert door.stage.world.kinds() == ["resize"]
    assert door.refused == 0


async def test_an_answer_that_does_not_fit_is_refused_and_written_down(door: Door) -> None:
    ballot = await door.ballot()
    for altered, told in (
        ({"digest": "0" * 32}, "made for another effect"),
        ({"by": "mallory"}, "mallory may not decide this"),
        ({"request": "another"}, "this answer is for another one"),
    ):
        for choice in ("approve", "reject"):
            answer = await door.press(ballot.model_copy(update=altered), choice)
            assert (answer.status_code, told in answer.text) == (409, True)
    report = await door.incident.state()
    assert [one.accepted for one in report.decisions] == [False] * 6
    assert len([one for one in report.timeline if one.text.startswith("answer of")]) == 6
    assert report.pending is not None
    assert not door.stage.world.acts
    assert door.refused == 6


async def test_a_link_of_a_request_that_expired_answers_no_other(door: Door) -> None:
    old = await door.ballot()
    await door.incident.step(minutes=11)
    await door.incident.until(lambda report: len(report.requests) == 2 and report.pending)
    page, answer = await door.open(old), await door.press(old)
    assert (page.status_code, "it expired or was withdrawn" in page.text) == (410, True)
    assert (answer.status_code, "this answer is for another one" in answer.text) == (409, True)
    assert [one.accepted for one in (await door.incident.state()).decisions] == [False]
    assert not door.stage.world.acts


async def test_two_people_by_two_links(open_door: OpenDoor) -> None:
    door = await open_door(people=2)
    ada, grace = await door.ballot("ada"), await door.ballot("grace")
    first = await door.press(ada)
    assert "Nothing is done before another person has approved it as well" in first.text
    own, others = await door.open(ada), await door.open(grace)
    assert 'value="approve"' not in own.text
    assert 'value="reject"' in own.text
    assert "Approved so far: ada." in others.text
    assert (await door.press(ada)).status_code == 409
    assert not door.stage.world.acts
    await door.press(grace)
    assert (await acted(door)).attempts[0].decided_by == "ada, grace"


async def test_links_are_the_way_where_signals_do_not_count(open_door: OpenDoor) -> None:
    door = await open_door(claimed_names=False)
    ballot = await door.ballot()
    await door.incident.signal("approve", {"request": ballot.request, "by": "ada", "channel": "link"})
    await door.incident.until(lambda report: report.decisions)
    assert not door.stage.world.acts
    await door.press(ballot)
    await acted(door)


async def test_a_link_of_another_incident_reaches_that_one_alone(open_door: OpenDoor) -> None:
    here, there = await open_door(), await open_door()
    moved = (await here.ballot()).model_copy(update={"target": there.stage.target.name})
    assert (await here.press(moved)).status_code == 410
    other_run = (await here.ballot()).model_copy(update={"run": (await there.ballot()).run})
    assert (await here.press(other_run)).status_code == 410
    for door in (here, there):
        assert (await door.incident.state()).decisions == ()


async def test_a_form_that_says_neither_yes_nor_no_is_no_answer(door: Door) -> None:
    ballot = await door.ballot()
    for choice in ("", "maybe"):
        answer = await door.press(ballot, choice)
        assert (answer.status_code, "neither yes nor no" in answer.text) == (422, True)
    assert (await door.incident.state()).decisions == ()


async def test_whose_answer_it_is_and_to_what_is_not_the_form_s_to_say(door: Door) -> None:
    answer = await door.press(await door.ballot(), "reject", by="grace", request="another", digest="0" * 32)
    assert (answer.status_code, "rejected by ada" in answer.text) == (200, True)
    (decision,) = (await door.incident.state()).decisions
    assert (decision.by, decision.is_final) == ("ada", True)


async def test_what_is_typed_stays_a_text_and_is_bounded(door: Door) -> None:
    ballot = await door.ballot()
    answer = await door.press(ballot, "reject", reason="<script>x()</script>" + "y" * 1000)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    (decision,) = (await door.incident.state()).decisions
    assert len(decision.reason) == 300


async def test_one_link_cannot_fill_the_history(door: Door) -> None:
    ballot = (await door.ballot()).model_copy(update={"request": "another"})
    answers = [await door.press(ballot) for _ in range(MOST_PRESSES + 2)]
    assert [answer.status_code for answer in answers] == [409] * MOST_PRESSES + [429] * 2
    assert len((await door.incident.state()).decisions) == MOST_PRESSES


async def test_an_incident_that_is_over_is_told_of_while_temporal_keeps_it(door: Door) -> None:
    ballot = await door.ballot()
    await door.press(ballot)
    await acted(door)
    await door.incident.handle.terminate("over")
    page, answer = await door.open(ballot), await door.press(ballot)
    assert (page.status_code, "already decided at" in page.text) == (200, True)
    assert (answer.status_code, "This incident is over" in answer.text) == (410, True)
