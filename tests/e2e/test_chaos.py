"""A trial of chaos as `make chaos` plays hundreds, and that its judge would tell of what must not be."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.chaos import trial
from bench.chaos.clocks import WORDS, judge_clocks
from bench.chaos.draw import Draw
from bench.chaos.faults import BY_NAME, Fault
from bench.chaos.moments import BY_NAME as MOMENTS
from bench.chaos.plays import PLAYS
from bench.chaos.site import Site, open_site
from bench.chaos.verdict import course_of, judge
from deploy.demo.clearance import end_sessions
from deploy.local import probes
from workflows.models.report import Ending

SECONDS_TO_TELL = 30.0
PLAY = {play.name: play for play in PLAYS}


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with open_site(tmp_path_factory.mktemp("chaos"), PLAYS[0].scenario) as opened:
        yield opened


def draw(play: str, fault: str | Fault, moment: str) -> Draw:
    what = BY_NAME[fault] if isinstance(fault, str) else fault
    return Draw(1, PLAY[play], what, MOMENTS[moment], seed="test", longest=2)


async def why_not_taken(site: Site) -> str | None:
    return None if await site.events() else "no incident yet"


async def kinds(played: trial.Trial) -> set[str]:
    return {failure.kind for failure in await judge(played)}


async def test_a_trial_is_as_it_must_and_whatever_is_not_would_be_told(site: Site) -> None:
    async with trial.run(site, draw("leak", "worker killed", "act done but not recorded")) as played:
        assert await judge(played) == []
        assert played.strike.is_seen
        assert played.incident.report is not None
        assert played.incident.report.outcome is Ending.RECOVERED

        decoy = played.drill.decoys.sessions[0]
        await end_sessions(site.stage.stack.postgres, [decoy.pid])
        told = {failure.what for failure in await judge(played)}
        assert told == {f"the session of pid {decoy.pid} was ended", f"{decoy.what} was lost"}

        await site.stage.application.leak(10)
        assert "false_recovered" in await kinds(played)

        with site.stage.stack.engine.client() as engine:
            engine.containers.get(site.stage.application.name).restart(timeout=2)
        assert {"twice", "foreign"} <= await kinds(played)


async def test_a_fault_without_effect_does_not_count_as_one(site: Site) -> None:
    @asynccontextmanager
    async def idle(site: Site) -> AsyncIterator[None]:
        site.gate.open()
        yield

    async with trial.run(site, draw("leak", Fault("nothing", idle), "about to act")) as played:
        assert played.struck_at is not None
        assert not played.strike.is_seen


async def test_a_clock_that_calls_nobody_would_be_told(site: Site) -> None:
    """The pages of an incident that nobody ends are taken away one by one, as if they had not been sent."""
    async with trial.run(site, draw("observe", "worker killed", "resolve clock runs out")) as played:
        assert await judge(played) == []
        assert played.strike.is_seen
        told, course = played.told(), course_of(played)
        assert course is not None
        for clock, words in WORDS.items():
            left = [each for each in told if words not in each.text]
            assert len(left) < len(told)
            # Whom leadership calls would not have come.
            full = [each for each in course.looks if each.is_full]
            without = dataclasses.replace(course, told=left, looks=full)
            assert list(judge_clocks(without, played.play.clocks)) == [
                f"{clock} ran out, and nobody was called"
            ]


async def test_an_alert_that_nobody_takes_would_be_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def never_back(site: Site) -> AsyncIterator[None]:
        await site.crew.webhook.kill()
        yield

    monkeypatch.setattr(trial, "SECONDS_TO_ALERT", 12.0)
    deaf = draw("leak", Fault("webhook gone for good", never_back), "pool exhausted, no alert yet")
    async with trial.run(site, deaf) as played:
        assert [failure.kind for failure in await judge(played)] == ["lost"]
        await site.crew.start()
        assert await probes.until(lambda: why_not_taken(site), SECONDS_TO_TELL) is None


async def test_a_page_that_is_not_sent_in_time_would_be_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def longer_than_it_says(site: Site) -> AsyncIterator[None]:
        await site.crew.worker.kill()
        yield

    monkeypatch.setattr(trial, "SECONDS_TO_END", 25.0)
    dead = draw("observe", Fault("worker gone for good", longer_than_it_says), "nobody has acknowledged")
    async with trial.run(site, dead) as played:
        assert await kinds(played) == {"unnamed", "late_pages"}
