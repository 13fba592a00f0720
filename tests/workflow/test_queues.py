"""Queues behind locks: a person lets the root be ended, or the change be cancelled; or is called."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.fakes import changes
from tests.fakes.state import Backend
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.blocker import LockRequest
from workflows.models.diagnosis import Cause
from workflows.models.outcome import OutcomeStatus
from workflows.models.report import Ending

ROOT, READER, CHANGE, FIRST_WAITER = 300, 301, 302, 400
TO_CHANGE = LockRequest(kind="relation", mode="AccessExclusiveLock", relation="public.orders")


@pytest.fixture
async def shop(open_stage: Callable[..., Awaitable[Stage]]) -> Stage:
    """A pool of ten, of which the usual traffic keeps two busy."""
    return await open_stage()


def somebody(
    stage: Stage, pid: int, application: str, state: str = "idle in transaction", **more: object
) -> Backend:
    """A session of the application's role since two minutes, by any name."""
    database, since = stage.target.database, stage.world.opened - timedelta(minutes=2)
    return Backend(
        pid=pid,
        backend_start=stage.world.began,
        state=state,
        state_change=since,
        xact_start=since,
        usename=database.role,
        datname=database.dbname,
        application_name=application,
        **more,  # type: ignore[arg-type]
    )


def queue_up(stage: Stage, behind: int) -> None:
    """Every free connection waits behind that session, since a minute."""
    world, instance = stage.world, stage.target.instances[0].name
    pids = range(FIRST_WAITER, FIRST_WAITER + 10)
    world.happens(changes.queue_up(instance, stage.target.database, pids, behind), world.after(minutes=-1))


def lock(stage: Stage, application: str | None = None) -> None:
    """Somebody is forgotten in a transaction that has written; the application's own, unless named."""
    own = stage.target.database.application_names[0]
    root = somebody(stage, ROOT, application or own, has_written=True)
    stage.world.happens(changes.join(root), stage.world.after(minutes=-2))
    queue_up(stage, ROOT)


def migrate(stage: Stage) -> None:
    """A change of a table waits for a long reader, and the application for the change."""
    reader = somebody(stage, READER, "nightly-report")
    change = somebody(
        stage,
        CHANGE,
        "migration",
        "active",
        blocked_by=(READER,),
        awaits=TO_CHANGE,
        statement="ALTER TABLE",
        holds=False,
    )
    stage.world.happens(changes.join(reader, change), stage.world.after(minutes=-2))
    queue_up(stage, CHANGE)


async def approved(incident: RunningIncident) -> str:
    """Say yes to what is asked, and wait until it is done; its effect."""
    request = await incident.asked()
    assert (await incident.decide(request.id, "ada")).accepted
    await incident.until(lambda report: report.attempts)
    return request.effect


async def test_the_root_is_ended_once_a_person_has_said_so(shop: Stage) -> None:
    lock(shop)
    incident = await shop.incident()
    await incident.asked()
    assert not shop.world.acts

    effect = await approved(incident)

    assert f"pid {ROOT} (has written)" in effect
    assert [(act.kind, act.what) for act in shop.world.acts] == [("end", str(ROOT))]
    await incident.resolve()
    summary = await incident.finish()
    assert summary.outcome is Ending.RECOVERED
    assert summary.causes[0] == Cause.LOCK


async def test_a_foreign_root_calls_the_database_team_with_who_blocks_what(shop: Stage) -> None:
    lock(shop, "nightly-report")
    incident = await shop.incident()

    await incident.until(lambda report: [one for one in report.escalations if one.level == "L2"])

    assert not shop.world.acts
    (page,) = shop.world.paged("L2")
    assert f"of them wait behind pid {ROOT} (nightly-report, orders, idle in transaction" in page.body
    assert "its owner decides" in page.body


async def test_the_waiting_change_is_cancelled_once_a_person_has_said_so(shop: Stage) -> None:
    migrate(shop)
    incident = await shop.incident()
    await incident.asked()
    assert not shop.world.acts

    effect = await approved(incident)

    assert (
        f"pid {CHANGE} (migration, orders, ALTER TABLE, waits for AccessExclusiveLock on public.orders"
        in effect
    )
    assert f"Left alone in front of it: pid {READER} (nightly-report" in effect
    assert [(act.kind, act.what) for act in shop.world.acts] == [("cancel", str(CHANGE))]
    state = shop.world.state(shop.world.now())
    assert {READER, CHANGE} <= {backend.pid for backend in state.bystanders}
    await incident.resolve()
    summary = await incident.finish()
    assert summary.outcome is Ending.RECOVERED
    assert summary.causes[0] == Cause.DDL_QUEUE


async def test_a_refused_cancel_goes_to_people_and_is_not_asked_again(shop: Stage) -> None:
    migrate(shop)
    incident = await shop.incident()
    request = await incident.asked()

    await incident.decide(request.id, "ada", approve=False, reason="the change has to be in by six")
    await incident.until(lambda report: report.attempts)
    await incident.step(minutes=30)

    report = await incident.state()
    assert not shop.world.acts
    assert [one.outcome.status for one in report.attempts] == [OutcomeStatus.REFUSED]
    assert len(report.requests) == 1
    assert [page for page in shop.world.paged("L2") if "the change has to be in by six" in page.body]


async def test_a_cancel_whose_answer_is_lost_is_not_sent_twice(shop: Stage) -> None:
    migrate(shop)
    shop.world.script.lose("cancel_queries")
    incident = await shop.incident()

    await approved(incident)

    assert shop.world.script.calls["cancel_queries"] == 1
    assert (await incident.state()).attempts[0].outcome.status is OutcomeStatus.UNKNOWN
    assert shop.world.kinds() == ["cancel"]


async def test_a_late_yes_rests_on_a_new_look_at_the_queue(shop: Stage) -> None:
    migrate(shop)
    incident = await shop.incident()
    await incident.asked()
    await incident.step(minutes=3)
    before = shop.world.script.calls["read_database"]

    await approved(incident)

    # One before the act, which the guard judges by.
    assert shop.world.script.calls["read_database"] == before + 1
    assert shop.world.kinds() == ["cancel"]


async def test_a_late_yes_does_nothing_where_the_change_does_not_wait_any_more(shop: Stage) -> None:
    migrate(shop)
    incident = await shop.incident()
    request = await incident.asked()
    await incident.step(minutes=3)
    runs = somebody(shop, CHANGE, "migration", "active", statement="ALTER TABLE")
    shop.world.happens(changes.leave(CHANGE))
    shop.world.happens(changes.join(runs))

    await incident.decide(request.id, "ada")
    report = await incident.until(lambda report: [e for e in report.timeline if "not done:" in e.text])

    assert not shop.world.acts
    refusal = next(entry.text for entry in report.timeline if "not done:" in entry.text)
    assert "not seen as waiting to change a table" in refusal
