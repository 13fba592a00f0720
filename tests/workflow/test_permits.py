"""Acts by permit of the database server's workflow: one at a time, none while paused."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities import permits
from tests.fakes import cases
from tests.workflow.conftest import OpenStage
from tests.workflow.database_stage import ORDER, database, denied, healed, leak, ledger, noted
from tests.workflow.stage import Stage, fresh_name
from workflows.models.permit import Ledger, Order, Release
from workflows.models.report import Ending


@pytest.fixture
def server() -> str:
    """A database server of this test alone: its workflow has a clock that nobody skips."""
    return fresh_name()


@pytest.fixture
async def shop(open_stage: OpenStage, server: str) -> Stage:
    return await open_stage(with_permits=True, database=database(server))


@pytest.fixture
async def mail(open_stage: OpenStage, server: str) -> Stage:
    return await open_stage(with_permits=True, database=database(server))


@pytest.mark.parametrize("is_of_target", [True, False])
async def test_while_paused_nothing_is_done_people_are_told_and_after_it_the_leak_is_ended(
    shop: Stage, server: str, is_of_target: bool
) -> None:
    order = ORDER.model_copy(update={"target": shop.target.name if is_of_target else None})
    await shop.databases.pause([server], order)
    leak(shop)

    incident = await shop.incident()
    await denied(incident, "a migration runs")
    await incident.step(seconds=5)
    await incident.until(lambda report: [one for one in report.escalations if one.level == "L2"])

    assert shop.world.kinds() == []
    (page,) = shop.world.paged("L2")
    assert "paused: " in page.body
    assert 'by "anna"' in page.body
    assert (await incident.state()).attempts == ()

    await shop.databases.resume([server], order)
    await incident.step(minutes=3)
    await healed(incident)
    assert shop.world.kinds() == ["end"] * 10


async def test_a_pause_of_another_target_is_none(shop: Stage, server: str) -> None:
    await shop.databases.pause([server], ORDER.model_copy(update={"target": "mail"}))
    leak(shop)
    await healed(await shop.incident())


async def test_no_two_acts_on_one_server_meet(shop: Stage, mail: Stage) -> None:
    leak(shop)
    leak(mail)
    acting, may_end = asyncio.Event(), asyncio.Event()

    async def act(_at: datetime) -> None:
        acting.set()
        await may_end.wait()

    shop.world.script.before("end", 2, act)
    first = await shop.incident()
    await acting.wait()
    second = await mail.incident()
    await denied(second, f"another act is under way on this database: terminate of {shop.target.name}")
    assert mail.world.kinds() == []
    may_end.set()
    await healed(first)

    await second.step(seconds=5)
    await healed(second)
    assert mail.world.kinds() == ["end"] * 10
    assert (await ledger(mail)).permits == ()


async def test_the_budget_of_acts_holds_from_one_incident_to_the_next(shop: Stage) -> None:
    rules = cases.policy(limits={"acts_per_hour": 1})
    leak(shop)
    first = await shop.incident(rules)
    shop.world.script.before("read_window", 1, first.resolve)
    assert (await first.finish()).outcome is Ending.RECOVERED

    shop.world.leak(10, shop.world.acts[-1].at)  # the clock of the first incident was skipped ahead
    second = await shop.incident(rules)
    await second.step(minutes=4)

    await denied(second, "1 act on this target in the last hour, as many as the policy allows")
    assert shop.world.kinds() == ["end"] * 10


async def test_a_permit_that_could_not_be_given_back_is_given_back_later(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal is gone just when the act is done."""
    tell, tries = permits._tell, list[Release]()

    async def tell_at_last(handle: WorkflowHandle[Any, Any], over: Release) -> None:
        tries.append(over)
        if len(tries) < 3:
            raise RPCError("gone", RPCStatusCode.UNAVAILABLE, b"")
        await tell(handle, over)

    monkeypatch.setattr(permits, "_tell", tell_at_last)
    monkeypatch.setattr(permits, "_BETWEEN_RELEASES", 0.1)
    leak(shop)
    await healed(await shop.incident())
    for _ in range(50):
        if (await ledger(shop)).permits == ():
            break
        await asyncio.sleep(0.1)
    assert (await ledger(shop)).permits == ()
    assert len(tries) == 3


async def test_without_an_answer_nothing_is_done(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.permits.database_id", lambda name: f"x/{name}" * 1000)
    leak(shop)
    incident = await shop.incident()
    await incident.until(noted("are permitted could not be asked"))
    assert shop.world.kinds() == []


async def test_a_permit_that_comes_too_late_is_given_back_and_nothing_is_done(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may have given the act up by then, and let another one begin."""
    monkeypatch.setattr(permits, "_LATEST", 0.0)
    leak(shop)
    await denied(await shop.incident(), "were permitted too late to be done")
    assert shop.world.kinds() == []
    assert (await ledger(shop)).permits == ()
    assert (await ledger(shop)).done == ()


async def test_nothing_is_done_while_the_permits_wait_on_a_task_queue_that_no_worker_takes(
    shop: Stage, server: str
) -> None:
    """As `poolmedic pause` says where nobody answered it."""
    (said,) = await shop.databases_at("elsewhere").pause([server], ORDER)
    assert (said.ledger, said.queue, said.is_polled) == (None, "elsewhere", False)
    leak(shop)
    incident = await shop.incident()
    await incident.until(noted(f"no worker answered for database/{server} in time"))
    assert shop.world.kinds() == []


async def test_a_pause_that_cannot_be_read_pauses_everything(shop: Stage, server: str) -> None:
    await shop.databases.resume([server], ORDER)
    handle = shop.databases_handle
    await handle.signal("pause", {"by": "anna"})
    leak(shop)
    incident = await shop.incident()
    await denied(incident, "a pause that could not be read")
    assert shop.world.kinds() == []


@pytest.mark.parametrize(
    "payload",
    [None, 7, {}, {"lasts": "P999999999D"}, {"lasts": -1}, {"growth": 10**30}, {"id": ""}],
)
async def test_a_request_that_makes_no_sense_is_refused_and_stops_nothing(
    shop: Stage, server: str, payload: object
) -> None:
    await shop.databases.resume([server], ORDER)
    sense = {"database": server, "target": "x", "id": "x", "option": "restart", "lasts": 1}
    sent = sense | payload if isinstance(payload, dict) and payload else payload
    with pytest.raises(WorkflowUpdateFailedError):
        await shop.databases_handle.execute_update("permit", sent)
    assert (await ledger(shop)).permits == ()


async def test_a_permit_that_comes_after_its_release_holds_nobody_up(shop: Stage, server: str) -> None:
    """The question waited for a worker while its act was given up."""
    await shop.databases.resume([server], ORDER)
    asked = {"database": server, "target": "x", "id": "x/1", "option": "restart", "lasts": 250}
    await shop.databases_handle.signal("release", {"id": "x/1", "has_changed": False})
    answer = await shop.databases_handle.execute_update("permit", asked | {"acts_per_hour": 6})
    assert "given up" in answer["refusal"]
    known = await ledger(shop)
    assert (known.permits, known.done) == ((), ())


async def test_who_paused_and_who_resumed_outlives_the_run(
    shop: Stage, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = "temporalio.worker._workflow_instance._WorkflowInstanceImpl"
    monkeypatch.setattr(
        f"{instance}.workflow_is_continue_as_new_suggested",
        lambda self: self.workflow_get_current_history_length() > 12,
    )
    pause = Order(by="anna", why="a migration runs")
    await shop.databases.pause([server], pause)
    await shop.databases.resume([server], Order(by="bert", why="it is over"))
    runs, kept = set[str | None](), Ledger()
    for number in range(7):
        (said,) = await shop.databases.resume([server], Order(by="carl", why=f"{number}", target="x"))
        kept = said.ledger or kept
        runs.add((await shop.databases_handle.describe()).run_id)
    assert len(runs) > 1
    first, second, *others = kept.orders
    assert (first.by, first.why, first.is_pause) == ("anna", "a migration runs", True)
    assert (second.by, second.why, second.is_pause) == ("bert", "it is over", False)
    assert [each.why for each in others] == [f"{number}" for number in range(7)]
