"""What was left to a neighbour is told once that one speaks for it no more."""

from tests.fakes import cases, changes
from tests.workflow.neighbourhood import LATER, both, called, left_to, noted, slow_database
from tests.workflow.stage import Stage, Theatre
from workflows.incident import Incident


async def test_what_lasts_longer_than_the_one_who_told_it_is_told_then(shop: Stage, billing: Stage) -> None:
    slow_database(shop, billing)
    older, younger = await both(shop, billing)
    await left_to(younger)

    shop.world.happens(changes.find_standby())
    await older.resolve()
    await older.until(lambda report: report.seconds.alert_to_healthy is not None)
    await older.step(minutes=6)
    await younger.until(lambda _report: called(billing, "L2"))

    assert called(billing, "L2", "the database server itself is slow")


async def test_what_an_incident_told_that_was_ended_by_hand_is_told_again(
    shop: Stage, billing: Stage
) -> None:
    slow_database(shop, billing)
    older, younger = await both(shop, billing)
    await left_to(younger)

    await older.handle.terminate("by hand")
    assert called(billing, "L2") == []
    await younger.step(minutes=3)

    assert called(billing, "L2", "the database server itself is slow")


async def test_what_was_left_is_told_once_its_teller_has_another_cause(shop: Stage, billing: Stage) -> None:
    slow_database(shop, billing)
    older, younger = await both(shop, billing)
    await left_to(younger)

    shop.world.happens(changes.find_standby())
    shop.world.leak(10, shop.world.after(minutes=-2), has_written=True)
    await older.step(minutes=3)
    await older.until(lambda report: report.diagnoses[-1].first.cause == "leak")
    await younger.until(lambda _report: called(billing, "L2"))

    assert called(billing, "L2", "the database server itself is slow")
    assert not await older.is_over()


async def test_what_was_left_is_told_once_its_call_counts_no_more(shop: Stage, billing: Stage) -> None:
    slow_database(shop, billing)
    _, younger = await both(shop, billing)
    await left_to(younger)

    standing = {
        "target": shop.target.name,
        "opened_at": (shop.world.opened - LATER).isoformat(),
        "cause": "degraded",
    }
    await younger.signal("neighbour", standing)
    await younger.until(lambda _report: called(billing, "L2"))

    assert called(billing, "L2", "the database server itself is slow")


async def test_of_another_cause_of_its_own_it_tells_the_clocks_that_it_had_left(
    shop: Stage, billing: Stage
) -> None:
    slow_database(shop, billing)
    older = await shop.incident(age=LATER, beside=[billing])
    await older.until(lambda _report: called(shop, "L2"))
    younger = await billing.incident(cases.policy(mode="observe", pace={"relook": "30s"}), beside=[shop])
    await left_to(younger)
    await younger.step(minutes=6)
    await younger.until(lambda report: len(noted(report, "knows of it already")) == 2)

    billing.world.happens(changes.find_standby())
    billing.world.leak(10, billing.world.after(minutes=-2))
    await younger.step(minutes=5)
    await younger.until(lambda report: report.diagnoses[-1].first.cause == "leak")
    await younger.until(lambda _report: called(billing, "L2"))

    (page,) = billing.world.paged("L2")
    assert "nobody has acknowledged" in page.title
    assert "Found: leak." in page.body


async def test_what_was_left_is_not_told_while_the_pool_is_well(shop: Stage, billing: Stage) -> None:
    slow_database(shop, billing)
    older = await shop.incident(age=LATER, beside=[billing])
    await older.until(lambda _report: called(shop, "L2"))
    younger = await billing.incident(cases.policy(pace={"relook": "30s"}), beside=[shop])
    await left_to(younger)
    await younger.step(minutes=6)
    await younger.until(lambda report: len(noted(report, "knows of it already")) == 2)

    billing.world.happens(changes.find_standby())
    await younger.resolve()
    await younger.until(lambda report: report.seconds.alert_to_healthy is not None)
    await older.handle.terminate("by hand")
    standing = {
        "target": shop.target.name,
        "opened_at": (shop.world.opened - LATER).isoformat(),
        "cause": "degraded",
        "is_over": True,
    }
    await younger.signal("neighbour", standing)
    await younger.finish()

    assert called(billing, "L2") == []


async def test_who_does_not_answer_keeps_nothing_back(shop: Stage, billing: Stage, theatre: Theatre) -> None:
    """A run that can do nothing any more takes signals all the same."""
    case = cases.case(billing.target, cases.policy(), cases.alert(billing.target, shop.world.opened), [])
    await theatre.client.start_workflow(
        Incident.run, case, id=f"pool/{billing.target.name}", task_queue="where nobody works"
    )
    slow_database(shop)
    incident = await shop.incident(beside=[billing])
    word = {
        "target": billing.target.name,
        "opened_at": shop.world.after(hours=-1).isoformat(),
        "cause": "degraded",
        "called": ["L2", "L3"],
    }
    await incident.signal("neighbour", word)
    await incident.until(lambda report: noted(report, "knows of it already"))
    assert called(shop, "L2") == []
    await incident.step(minutes=40)

    await incident.until(lambda _report: called(shop, "L2", "the database server itself is slow"))
