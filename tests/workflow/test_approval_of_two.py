"""Two people have to approve, and each approver is asked by a page of their own where they can be reached."""

from typing import Any

import pytest

from activities.decided import decided
from tests.fakes import cases
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.outcome import OutcomeStatus
from workflows.models.page import Asked
from workflows.models.policy import Policy

THREE = ("ada", "grace", "margaret")


def of_two(**changes: Any) -> Policy:
    return cases.policy(approval={"approvers": THREE, "people": 2, **changes})


@pytest.fixture
async def waiting(undersized: Stage) -> RunningIncident:
    """An incident that has asked two of three."""
    incident = await undersized.incident(of_two())
    await incident.asked()
    return incident


async def test_nothing_is_done_before_the_second_person_has_approved(
    undersized: Stage, waiting: RunningIncident
) -> None:
    request = await waiting.asked()
    (page,) = [page for page in undersized.world.paged("L1") if request.id in page.body]
    assert "2 of them have to approve, one refusal ends it" in page.body
    first = await waiting.decide(request.id, "ada")
    again = await waiting.decide(request.id, "ada")
    assert (first.accepted, first.is_final, again.accepted) == (True, False, False)
    await waiting.step(minutes=3)
    assert not undersized.world.acts
    assert (await waiting.state()).pending == request

    second = await waiting.decide(request.id, "grace")

    assert (second.accepted, second.is_final) == (True, True)
    report = await waiting.until(lambda report: report.attempts)
    assert undersized.world.kinds() == ["resize"]
    assert report.attempts[0].decided_by == "ada, grace"
    told = [row.what for row in decided(report) if row.who in THREE]
    assert told == [
        f"approved {request.id} (one more has to)",
        f"approved {request.id} (did not count)",
        f"approved {request.id}",
    ]
    assert [row for row in decided(report) if f"asked 2 of {', '.join(THREE)}" in row.what]


async def test_one_refusal_ends_it(undersized: Stage, waiting: RunningIncident) -> None:
    request = await waiting.asked()
    assert (await waiting.decide(request.id, "ada")).accepted
    assert (await waiting.decide(request.id, "grace", approve=False, reason="sale is on")).is_final
    report = await waiting.until(lambda report: report.attempts)

    assert not undersized.world.acts
    assert [(one.outcome.status, one.decided_by) for one in report.attempts] == [
        (OutcomeStatus.REFUSED, "grace")
    ]
    late = await waiting.decide(request.id, "margaret")
    assert (late.accepted, late.is_late) == (False, True)


async def test_one_approval_of_two_expires_and_is_none_of_the_next_request(
    undersized: Stage, waiting: RunningIncident
) -> None:
    first = await waiting.asked()
    await waiting.decide(first.id, "ada")
    await waiting.step(minutes=11)

    request = await waiting.asked()
    assert request.id != first.id
    report = await waiting.state()
    assert [one for one in report.timeline if one.text == f"request {first.id} expired approved by ada alone"]
    assert [page for page in undersized.world.paged("L2") if "nobody but ada answered" in page.title]
    assert not (await waiting.decide(request.id, "grace")).is_final
    assert not undersized.world.acts


async def test_each_approver_who_can_be_reached_is_asked_by_a_page_of_their_own(undersized: Stage) -> None:
    routes = {"ada": ["ada-phone", "ada-mail"], "margaret": ["margaret"], "eve": ["eve"]}
    undersized.world.routes_down["ada-phone"] = "nobody listens"
    incident = await undersized.incident(of_two(routes=routes))
    request = await incident.asked()
    report = await incident.until(lambda report: len(report.escalations) == 3)

    pages = {page.asked.by if page.asked else None: page for page in undersized.world.paged("L1")}
    assert {who: page.routes for who, page in pages.items()} == {
        None: ("on-call",),
        "ada": ("ada-phone", "ada-mail"),
        "margaret": ("margaret",),
    }
    assert pages["ada"].asked == Asked(
        by="ada", request=request.id, digest=request.digest, until=request.until
    )
    assert "ada: answer by your link below" in pages["ada"].body
    assert request.effect in pages["ada"].body
    assert "By a link that was sent to them alone: ada, margaret." in pages[None].body
    assert len({page.key for page in pages.values()}) == 3
    assert {(one.whom, one.delivered_by) for one in report.escalations} == {
        ("L1", "on-call"),
        ("ada", "ada-mail"),
        ("margaret", "margaret"),
    }


async def test_who_cannot_be_reached_keeps_nobody_else_from_being_asked(undersized: Stage) -> None:
    undersized.world.routes_down["ada"] = "nobody listens"
    incident = await undersized.incident(of_two(routes={"ada": ["ada"], "grace": ["grace"]}))
    request = await incident.asked()
    await incident.until(lambda report: len(report.escalations) == 2)
    await incident.decide(request.id, "grace")
    await incident.decide(request.id, "ada")
    await incident.until(lambda report: report.attempts)
    assert undersized.world.kinds() == ["resize"]


async def test_without_routes_of_their_own_nobody_is_told_of_links(
    undersized: Stage, waiting: RunningIncident
) -> None:
    await waiting.step(minutes=1)
    assert all(page.asked is None and "link" not in page.body for page in undersized.world.paged("L1"))
