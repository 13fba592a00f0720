"""People decide: yes, no, too late, twice, many at once, for another request, without the right to."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.fakes import cases, changes
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.outcome import OutcomeStatus
from workflows.models.report import Ending


async def resized(stage: Stage, incident: RunningIncident) -> None:
    await incident.until(lambda report: report.attempts)
    assert stage.world.kinds() == ["resize"]


async def test_nothing_is_touched_while_nobody_has_answered(
    undersized: Stage, waiting: RunningIncident
) -> None:
    request = await waiting.asked()
    await waiting.step(minutes=9)

    assert not undersized.world.acts
    (page,) = [page for page in undersized.world.paged("L1") if request.id in page.body]
    assert request.effect in page.body
    assert request.risk in page.body
    assert all(name in page.body for name in cases.APPROVERS)


async def test_approval_by_signal(undersized: Stage, waiting: RunningIncident) -> None:
    request = await waiting.asked()
    await waiting.signal("approve", {"request": request.id, "by": "grace"})

    await resized(undersized, waiting)
    assert (await waiting.state()).attempts[0].decided_by == "grace"


async def test_approval_by_update(undersized: Stage, waiting: RunningIncident) -> None:
    request = await waiting.asked()
    decision = await waiting.decide(request.id, "ada")

    assert decision.accepted
    assert decision.approve
    await resized(undersized, waiting)


@pytest.mark.parametrize("channel", ["signal", "update"])
async def test_a_refusal_goes_to_people_and_is_not_asked_again(
    undersized: Stage, waiting: RunningIncident, channel: str
) -> None:
    request = await waiting.asked()
    if channel == "signal":
        await waiting.signal("reject", {"request": request.id, "by": "ada", "reason": "sale is on"})
    else:
        assert (await waiting.decide(request.id, "ada", approve=False, reason="sale is on")).accepted
    await waiting.until(lambda report: report.attempts)
    await waiting.step(minutes=30)

    report = await waiting.state()
    assert report.decisions[0].reason == "sale is on"
    assert [entry for entry in report.timeline if "sale is on" in entry.text]
    assert [page for page in undersized.world.paged("L2") if "sale is on" in page.body]
    assert not undersized.world.acts
    assert [one.outcome.status for one in report.attempts] == [OutcomeStatus.REFUSED]
    assert len(report.requests) == 1
    assert undersized.world.paged("L2")


async def test_an_expiry_is_no_refusal_and_pages(undersized: Stage, waiting: RunningIncident) -> None:
    first = await waiting.asked()
    await waiting.signal("acknowledge", {"by": "ada"})
    await waiting.step(minutes=11)

    report = await waiting.state()
    assert not undersized.world.acts
    assert not report.attempts
    (expired,) = [page for page in undersized.world.paged("L2") if "nobody answered" in page.title]
    assert "resize" in expired.title
    assert report.requests[-1].id != first.id


async def test_requests_that_nobody_answers_do_not_page_all_night(
    undersized: Stage, waiting: RunningIncident
) -> None:
    for _ in range(4):
        await waiting.step(hours=1)

    report = await waiting.state()
    asked = [page for page in undersized.world.paged("L1") if "approval needed" in page.title]
    assert len(report.requests) > 15
    assert 4 <= len(asked) <= 3 + len(report.requests) // 6
    quiet = [entry for entry in report.timeline if "is shown and not paged" in entry.text]
    assert len(quiet) == len(report.requests) - len(asked)
    assert report.pending is not None
    assert (await waiting.decide(report.pending.id, "ada")).accepted
    await resized(undersized, waiting)


async def test_an_answer_to_an_older_request_changes_nothing(
    undersized: Stage, waiting: RunningIncident
) -> None:
    first = await waiting.asked()
    await waiting.step(minutes=11)
    assert (await waiting.asked()).id != first.id
    await waiting.signal("approve", {"request": first.id, "by": "ada"})
    decision = await waiting.decide(first.id, "grace")

    assert not decision.accepted
    await waiting.step(minutes=1)
    report = await waiting.state()
    assert [answer.accepted for answer in report.decisions] == [False, False]
    assert not undersized.world.acts


async def test_a_second_answer_is_a_polite_no_op(undersized: Stage, waiting: RunningIncident) -> None:
    request = await waiting.asked()
    assert (await waiting.decide(request.id, "ada")).accepted
    again = await waiting.decide(request.id, "ada")
    against = await waiting.decide(request.id, "grace", approve=False)

    assert not again.accepted
    assert not against.accepted
    assert "already decided" in again.message
    assert "ada" in against.message
    await resized(undersized, waiting)


async def test_twenty_people_at_once_and_one_of_them_decides(
    undersized: Stage, waiting: RunningIncident
) -> None:
    request = await waiting.asked()
    answers = [
        waiting.decide(request.id, cases.APPROVERS[number % 2], approve=number % 3 > 0)
        for number in range(20)
    ]
    decisions = await asyncio.gather(*answers)

    (winner,) = [decision for decision in decisions if decision.accepted]
    report = await waiting.until(lambda report: report.attempts)
    assert report.attempts[0].decided_by == winner.by
    assert undersized.world.kinds() == (["resize"] if winner.approve else [])
    assert len(report.decisions) == 20


async def test_a_stranger_decides_nothing(undersized: Stage, waiting: RunningIncident) -> None:
    request = await waiting.asked()
    decision = await waiting.decide(request.id, "mallory")
    await waiting.signal("approve", {"request": request.id, "by": "mallory"})
    await waiting.step(minutes=1)

    assert not decision.accepted
    assert not undersized.world.acts
    assert [answer.by for answer in (await waiting.state()).decisions] == ["mallory", "mallory"]


async def test_answers_by_signal_do_not_count_where_the_policy_says_so(undersized: Stage) -> None:
    strict = cases.policy(approval={"approvers": cases.APPROVERS, "claimed_names": False})
    incident = await undersized.incident(strict)
    request = await incident.asked()
    await incident.signal("approve", {"request": request.id, "by": "ada"})
    await incident.step(minutes=1)

    assert not undersized.world.acts
    (by_signal,) = (await incident.state()).decisions
    assert "no answer by signal" in by_signal.message
    assert "name claimed by command" in (await incident.decide(request.id, "ada")).message
    await resized(undersized, incident)


async def test_what_has_written_is_ended_only_by_approval(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2), has_written=True)
    incident = await stage.incident()
    request = await incident.asked()
    assert request.option == "terminate"
    assert not stage.world.acts
    await incident.decide(request.id, "ada")
    await incident.until(lambda report: report.attempts)
    assert stage.world.kinds() == ["end"] * 10


async def test_in_mode_approve_everything_is_asked(stage: Stage) -> None:
    stage.world.leak(10, stage.world.after(minutes=-2))
    incident = await stage.incident(cases.policy(mode="approve"), age=timedelta(minutes=1))
    request = await incident.asked()
    assert not stage.world.acts
    await incident.decide(request.id, "ada")
    summary = await incident.finish()
    assert summary.outcome is Ending.RECOVERED
    assert stage.world.kinds() == ["end"] * 10


async def test_after_a_hand_over_a_restart_is_asked_for(open_stage: Callable[..., Awaitable[Stage]]) -> None:
    stage = await open_stage()
    world = stage.world
    world.happens(changes.change_app(f"{stage.target.name}-1", returns_slot=False), world.began)
    world.leak(10, world.after(minutes=-2))
    world.script.fail("read_database", times=4)
    incident = await stage.incident()
    await incident.until(lambda report: [one for one in report.escalations if one.level == "L2"])
    await incident.step(minutes=3)
    request = await incident.asked()

    assert request.option == "restart"
    assert world.kinds() == ["end"] * 10
    await incident.decide(request.id, "ada")
    await incident.until(lambda report: len(report.attempts) > 1)
    assert world.kinds()[-1] == "restart"
