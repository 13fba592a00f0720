"""What cannot be read is said, not guessed: no act without evidence, no recovery without a measurement."""

import pytest

from tests.fakes import cases, changes
from tests.workflow.stage import Stage
from workflows.errors import SourceRefused
from workflows.models.reading import Unavailable
from workflows.models.report import Ending
from workflows.models.verdict import State

READS = {
    "metrics": "read_metrics",
    "application": "read_application",
    "database": "read_database",
    "containers": "read_containers",
}


@pytest.mark.parametrize("source", READS)
async def test_one_source_that_fails_does_not_stop_the_others(stage: Stage, source: str) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.fail(READS[source], SourceRefused(f"{source}: 403"))
    incident = await stage.incident()
    report = await incident.until(lambda report: report.evidence and report.diagnoses)

    assert report.evidence is not None
    assert isinstance(getattr(report.evidence, source), Unavailable)
    assert all(
        not isinstance(getattr(report.evidence, other), Unavailable) for other in READS if other != source
    )
    assert any("403" in missing for missing in report.diagnoses[0].missing)
    await incident.until(lambda _report: world.pages)
    assert any("403" in page.body for _at, page in world.pages)


async def test_a_database_that_is_slow_itself_goes_to_its_team_and_nothing_is_touched(stage: Stage) -> None:
    world = stage.world
    world.happens(changes.lose_standby(), world.after(minutes=-1))
    incident = await stage.incident()
    await incident.until(lambda _report: world.paged("L2"))
    assert "none is connected" in world.paged("L2")[0].body
    await incident.step(minutes=40)
    assert not world.acts
    assert not world.asked_to_end
    reasons = ["/".join(page.key.rpartition("/L2/")[2].split("/")[:2]) for page in world.paged("L2")]
    assert reasons == ["hand-over/degraded", "clock/acknowledge", "clock/resolve"]

    world.happens(changes.find_standby(), world.after(minutes=40))
    await incident.resolve()
    assert (await incident.finish()).outcome is Ending.HANDED_OVER
    assert not world.acts


@pytest.mark.parametrize("source", ["metrics", "containers"])
async def test_a_leak_is_ended_without_the_sources_that_say_nothing_of_it(stage: Stage, source: str) -> None:
    world = stage.world
    # Without the metrics nobody knows the usual hold time, and five minutes are what a leak must be old.
    world.leak(10, world.after(minutes=-6))
    world.script.fail(READS[source])
    incident = await stage.incident()
    await incident.until(lambda report: report.attempts)
    assert world.kinds() == ["end"] * 10


@pytest.mark.parametrize("source", ["application", "database"])
async def test_nothing_is_touched_without_the_sources_an_act_rests_on(stage: Stage, source: str) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.fail(READS[source])
    incident = await stage.incident()
    await incident.step(minutes=10)

    assert not world.acts
    assert world.paged("L2")
    world.script.heal(READS[source])
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert world.kinds() == ["end"] * 10


async def test_a_source_that_fails_once_is_asked_again(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    for method in READS.values():
        world.script.fail(method, times=1)
    incident = await stage.incident()
    report = await incident.until(lambda report: report.attempts)

    assert not report.diagnoses[0].missing
    assert world.kinds() == ["end"] * 10


async def test_a_guard_that_cannot_be_read_refuses(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.fail("read_silence")
    incident = await stage.incident()
    await incident.step(minutes=5)

    assert not world.acts
    assert world.paged("L2")


async def test_nothing_is_done_under_a_silence(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.happens(changes.silence("ada: load test until noon"), world.began)
    incident = await stage.incident()
    await incident.step(minutes=5)

    assert not world.acts
    assert any("load test" in page.title + page.body for page in world.paged("L2"))


@pytest.mark.parametrize("how", ["scrapes end", "query fails"])
async def test_missing_readings_after_the_act_are_inconclusive_never_recovered(
    stage: Stage, how: str
) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    if how == "scrapes end":
        world.script.after("terminate_sessions", 1, lambda at: world.happens(changes.blind("metrics"), at))
    else:
        world.script.fail("read_window")
    incident = await stage.incident()
    await incident.step(minutes=14)

    report = await incident.state()
    assert report.verdicts
    assert {verdict.state for verdict in report.verdicts} == {State.INCONCLUSIVE}
    assert report.outcome is Ending.OPEN
    assert not world.reports
    await incident.step(minutes=60)
    report = await incident.state()
    assert report.outcome is Ending.OPEN
    assert world.paged("L2")
    assert world.kinds() == ["end"] * 10


async def test_once_the_readings_are_back_it_recovers(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.after("terminate_sessions", 1, lambda at: world.happens(changes.blind("metrics"), at))
    world.happens(changes.see("metrics"), world.after(minutes=20))
    incident = await stage.incident()
    await incident.step(minutes=19)
    assert (await incident.state()).outcome is Ending.OPEN
    assert (await incident.finish()).outcome is Ending.RECOVERED
    assert {verdict.state for verdict in world.reports[-1][1].verdicts} == {
        State.INCONCLUSIVE,
        State.RECOVERED,
    }


async def test_no_traffic_proves_nothing(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.after("terminate_sessions", 1, lambda at: world.happens(changes.change_traffic(rate=0), at))
    incident = await stage.incident()
    await incident.step(minutes=14)

    report = await incident.state()
    assert {verdict.state for verdict in report.verdicts} == {State.INCONCLUSIVE}
    assert report.outcome is Ending.OPEN


async def test_a_page_is_tried_until_a_route_takes_it(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.fail("send_page", times=4)
    incident = await stage.incident(cases.policy(mode="observe"))
    await incident.step(minutes=4)

    assert world.paged("L1")
    assert world.script.calls["send_page"] >= 5


async def test_the_report_is_stored_when_the_store_is_back(stage: Stage) -> None:
    world = stage.world
    world.leak(10, world.after(minutes=-2))
    world.script.fail("store_report", times=3)
    await (await stage.incident(skips=True)).finish()

    assert [report.complete for _at, report in world.reports] == [False, True]
