"""What changes while people are asked: the pool, the alert, the server's free slots."""

from datetime import timedelta

from tests.fakes import changes
from tests.workflow.stage import RunningIncident, Stage
from workflows.models.report import Ending


async def test_a_pool_that_gets_free_meanwhile_withdraws_the_request(
    undersized: Stage, waiting: RunningIncident
) -> None:
    request = await waiting.asked()
    undersized.world.happens(changes.change_traffic(rate=50), undersized.world.after(minutes=1))
    await waiting.step(minutes=9)
    assert (await waiting.state()).pending is None
    late = await waiting.decide(request.id, "ada")
    summary = await waiting.finish()

    assert not late.accepted
    assert not undersized.world.acts
    assert summary.outcome is Ending.RECOVERED_BY_ITSELF


async def test_a_pool_that_is_free_for_a_moment_takes_nobodys_answer_away(
    undersized: Stage, waiting: RunningIncident
) -> None:
    request = await waiting.asked()
    for minute, rate in ((1, 50), (3, 100), (5, 50), (7, 100)):
        at = undersized.world.after(minutes=minute)
        undersized.world.happens(changes.change_traffic(rate=rate), at)
    await waiting.step(minutes=9)

    assert (await waiting.state()).pending == request
    assert (await waiting.decide(request.id, "ada")).accepted
    await waiting.until(lambda report: report.attempts)
    assert undersized.world.kinds() == ["resize"]


async def test_a_resolved_alert_is_a_reason_to_look_at_once(
    undersized: Stage, waiting: RunningIncident
) -> None:
    await waiting.step(seconds=20)
    undersized.world.happens(changes.change_traffic(rate=50), undersized.world.after(seconds=10))
    await waiting.resolve()
    report = await waiting.until(lambda report: report.seconds.alert_to_healthy is not None)

    assert report.seconds.alert_to_healthy is not None
    assert report.seconds.alert_to_healthy < 60
    assert not undersized.world.acts


async def test_resolved_alone_is_no_recovery(undersized: Stage, waiting: RunningIncident) -> None:
    await waiting.resolve()
    await waiting.step(minutes=8)

    report = await waiting.state()
    assert report.outcome is Ending.OPEN
    assert report.requests[-1].until > undersized.world.after(minutes=8)


async def test_slots_are_looked_at_again_before_a_late_yes_gives_them_away(
    undersized: Stage, waiting: RunningIncident
) -> None:
    request = await waiting.asked()
    await waiting.step(minutes=5)
    now = undersized.world.opened + timedelta(minutes=5)
    undersized.world.happens(changes.limit(role=10, database=None), now)
    await waiting.decide(request.id, "ada")
    await waiting.until(lambda report: [one for one in report.timeline if "not done" in one.text])

    assert not undersized.world.acts
    (refused,) = [one.text for one in (await waiting.state()).timeline if one.text.startswith("not done")]
    assert "do not fit into the server's free slots" in refused


async def test_a_free_moment_does_not_stop_the_clocks_for_good(
    undersized: Stage, waiting: RunningIncident
) -> None:
    request = await waiting.asked()
    undersized.world.happens(changes.change_traffic(rate=10.0))
    await waiting.step(minutes=2, seconds=10)
    await waiting.until(lambda report: report.seconds.alert_to_healthy is not None)
    undersized.world.happens(changes.change_traffic(rate=100.0))
    assert (await waiting.decide(request.id, "ada", approve=False)).accepted
    await waiting.until(lambda report: report.seconds.alert_to_healthy is None)
    await waiting.step(minutes=31)

    assert [page.title for page in undersized.world.paged("L3")]
