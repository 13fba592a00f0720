"""Connections forgotten outside a transaction, and connections held by those who wait, on the fake world."""

from datetime import timedelta

from tests.fakes import cases, changes
from tests.workflow.conftest import OpenStage
from tests.workflow.stage import Stage
from workflows.models.report import Ending
from workflows.models.verdict import State

SLOW = timedelta(seconds=3)


def name_of(stage: Stage) -> str:
    return stage.target.instances[0].name


async def test_an_idle_leak_is_healed_by_a_restart_and_no_session_is_ended(open_stage: OpenStage) -> None:
    stage = await open_stage(pool_size=20)
    world = stage.world
    world.add_bystanders()
    world.leak(20, world.after(minutes=-2), in_transaction=False)
    incident = await stage.incident()
    world.script.before("read_window", 1, incident.resolve)
    summary = await incident.finish()

    assert summary.outcome is Ending.RECOVERED
    assert [(act.kind, act.what) for act in world.acts] == [("restart", name_of(stage))]
    assert world.asked_to_end == []
    assert not world.paged("L2")
    assert not world.paged("L3")


async def test_of_three_instances_that_one_is_restarted_once_a_person_agrees(open_stage: OpenStage) -> None:
    stage = await open_stage(instances=3, pool_size=20)
    world, second = stage.world, f"{stage.target.name}-2"
    world.leak(20, world.after(minutes=-2), instance=second, in_transaction=False)
    incident = await stage.incident()
    request = await incident.asked()
    assert second in request.effect
    assert world.acts == []
    await incident.decide(request.id, "ada")

    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert [(act.kind, act.what) for act in world.acts] == [("restart", second)]
    assert world.asked_to_end == []


async def test_an_idle_leak_too_young_to_be_told_is_waited_for(open_stage: OpenStage) -> None:
    stage = await open_stage(pool_size=20)
    stage.world.leak(20, stage.world.after(seconds=-10), in_transaction=False)
    incident = await stage.incident()
    await incident.step(seconds=45)
    assert stage.world.acts == []
    await incident.step(seconds=20)
    assert stage.world.kinds() == ["restart"]
    assert (await incident.finish()).outcome is Ending.RECOVERED


async def test_instances_that_forget_are_restarted_one_after_the_other(open_stage: OpenStage) -> None:
    stage = await open_stage(instances=2, pool_size=20)
    world = stage.world
    names = [instance.name for instance in stage.target.instances]
    for name in names:
        world.leak(20, world.after(minutes=-2), instance=name, in_transaction=False)
    summary = await (await stage.incident(skips=True)).finish()

    assert summary.outcome is Ending.RECOVERED
    assert [act.what for act in world.acts] == names
    assert world.acts[0].at < world.acts[1].at
    assert world.asked_to_end == []


async def test_a_program_that_forgets_again_is_restarted_once_and_then_people_are_called(
    open_stage: OpenStage,
) -> None:
    stage = await open_stage(pool_size=20)
    world = stage.world
    again = changes.change_app(name_of(stage), leaks_on_start=20, leaks_in_transaction=False)
    world.happens(again, world.began)
    world.leak(20, world.after(minutes=-2), in_transaction=False)
    incident = await stage.incident()
    await incident.step(minutes=5)

    assert world.kinds() == ["restart"]
    (page,) = [page for page in world.paged("L2") if "forgotten" in page.title]
    assert "no instance is left to restart" in page.title
    assert "did not help" in page.body


async def test_where_a_restart_would_lose_work_a_person_is_asked(open_stage: OpenStage) -> None:
    stage = await open_stage(pool_size=20)
    world = stage.world
    world.leak(18, world.after(minutes=-2), in_transaction=False)
    world.leak(2, world.after(minutes=-2), has_written=True)
    incident = await stage.incident()
    request = await incident.asked()
    assert request.option == "restart"
    assert world.acts == []
    await incident.decide(request.id, "ada")

    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert world.kinds() == ["restart"]


async def test_observing_an_idle_leak_touches_nothing(open_stage: OpenStage) -> None:
    stage = await open_stage(pool_size=20)
    stage.world.leak(20, stage.world.after(minutes=-2), in_transaction=False)
    incident = await stage.incident(cases.policy(mode="observe"))
    await incident.step(minutes=5)

    assert stage.world.acts == []
    (told,) = [
        entry.text for entry in (await incident.state()).timeline if "nothing is touched" in entry.text
    ]
    assert "Restart the container" in told


async def test_the_owner_is_told_what_holds_and_the_end_of_it_is_recovery(stage: Stage) -> None:
    world, name = stage.world, name_of(stage)
    world.add_bystanders()
    world.happens(changes.wait_elsewhere(name, SLOW), world.after(minutes=-1))
    world.happens(changes.wait_elsewhere(name, timedelta()), world.after(seconds=90))
    incident = await stage.incident()
    world.script.before("read_window", 1, incident.resolve)
    summary = await incident.finish()

    (page,) = world.paged("L2")
    assert "requests hold connections while they wait" in page.title
    assert f"9 sessions of {stage.target.name}-api idle in transaction, for 1.7 s in the middle" in page.body
    assert "and 2.9 s at most" in page.body
    assert "Connections do come back, after 3.1 s; 100 ms is known as usual." in page.body
    assert "query 4711, SELECT * FROM orders WHERE id = $1." in page.body
    assert (world.acts, world.asked_to_end) == ([], [])
    assert summary.outcome is Ending.HANDED_OVER
    assert world.reports[-1][1].verdicts[-1].state is State.RECOVERED
    last = world.paged("L1")[-1]
    assert (last.is_good_news, "recovered, after people were called" in last.title) == (True, True)


async def test_while_the_other_service_stays_slow_people_are_called_once_and_nothing_is_touched(
    stage: Stage,
) -> None:
    world = stage.world
    world.happens(changes.wait_elsewhere(name_of(stage), SLOW), world.after(minutes=-1))
    incident = await stage.incident()
    await incident.step(minutes=14)

    assert (world.acts, world.asked_to_end) == ([], [])
    assert len([page for page in world.paged("L2") if "requests hold connections" in page.title]) == 1
    assert (await incident.state()).outcome is Ending.OPEN


async def test_without_metrics_requests_under_way_tell_those_who_wait(stage: Stage) -> None:
    world, name = stage.world, name_of(stage)
    world.happens(changes.blind("metrics"), world.began)
    world.happens(changes.wait_elsewhere(name, timedelta(minutes=2)), world.after(minutes=-1))
    incident = await stage.incident()
    await incident.step(minutes=6)

    assert (world.acts, world.asked_to_end) == ([], [])
    assert [page for page in world.paged("L2") if "requests are under way that account for all" in page.body]


async def test_without_them_too_two_looks_tell_those_who_wait(stage: Stage) -> None:
    world, name = stage.world, name_of(stage)
    world.happens(changes.blind("metrics"), world.began)
    world.happens(changes.change_app(name, tells_requests=False), world.began)
    world.happens(changes.wait_elsewhere(name, timedelta(seconds=20)), world.after(minutes=-1))
    incident = await stage.incident()
    await incident.step(minutes=6)

    assert (world.acts, world.asked_to_end) == ([], [])
    assert [page for page in world.paged("L2") if "have moved on since" in page.body]
