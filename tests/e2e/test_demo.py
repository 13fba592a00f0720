"""The drills on the real stack: to their end, and with the worker ended at the worst moments.

Judged as the demo is: by the application's answers, PostgreSQL's log, the engine's events and the receiver.
"""

import dataclasses
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, override

import pytest
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.history.v1 import HistoryEvent

from deploy.demo import judge, witness
from deploy.demo.drill import Drill
from deploy.demo.lines import Lines
from deploy.demo.person import StandIn, text_of
from deploy.demo.play import play
from deploy.demo.run_history import end_of, is_fired, scheduled, start_of, timers, workers
from deploy.demo.times import seconds
from deploy.local import probes
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_roles import connected
from tests.e2e.drill_stand import (
    LEAK,
    LEAKED,
    OBSERVE,
    PERMITTED,
    QUICK,
    UNDERSIZED,
    Ended,
    Stand,
    open_stand,
)
from tests.e2e.drill_summary import read_summary
from tests.e2e.recording import Recording, alone, record
from tests.ports.kinds import READS, TELLS
from workflows.models.approval import Request
from workflows.models.outcome import OutcomeStatus

SOURCES = {"read_metrics", "read_application", "read_database", "read_containers"}
IMPATIENT = QUICK.model_copy(update={"acknowledge": "24s"})
SECONDS_TO_PAGE = 3.0


@pytest.fixture(scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stand]:
    async with open_stand(tmp_path_factory.mktemp("drills")) as opened:
        yield opened


@pytest.fixture(scope="class")
async def recording(stand: Stand) -> AsyncIterator[Recording]:
    async with record(stand) as begun:
        yield begun


@pytest.fixture(scope="class")
async def observed(stand: Stand, recording: Recording) -> AsyncIterator[Ended]:
    stage = await stand.prepare(OBSERVE, IMPATIENT)
    narrator = Lines(stage.times)
    async with play(stage, OBSERVE, narrator, StandIn(narrator)) as drill:
        yield Ended(drill, await judge.judge(drill))


async def test_leak(stand: Stand, tmp_path: Path) -> None:
    ended = await stand.run(LEAK)
    assert ended.unmet == []
    written = await read_summary(ended, tmp_path)
    (action,) = written["actions"]
    assert (action["option"], action["decided_by"]) == ("terminate", "poolmedic")
    assert pids(action["touched"]) == {session.pid for session in ended.drill.culprits}
    assert written["causes"][0]["cause"] == "leak"
    assert_asked_once(ended)


async def test_killed_while_investigating(stand: Stand) -> None:
    async def kill(stand: Stand) -> None:
        stand.link.close_after(b"read_metrics")
        sight = await stand.see(lambda sight: stand.link.closed.is_set() and sight.pending >= SOURCES)
        assert not any(
            end_of(sight.events, read) for name in SOURCES for read in scheduled(sight.events, name)
        )
        await stand.lose_worker()
        await stand.stage.worker.start()

    ended = await stand.run(LEAK, meanwhile=kill)
    assert ended.unmet_but_late == []
    # The reads that were lost were given their time, and were asked again.
    again = start_of(ended.history, scheduled(ended.history, "read_metrics")[0])
    assert again is not None
    assert again.activity_task_started_event_attributes.attempt == 2
    assert len(workers(ended.history)) == 2
    assert_asked_once(ended)


async def test_killed_after_the_act_and_before_its_result(stand: Stand) -> None:
    killed_at: list[datetime] = []

    async def kill(stand: Stand) -> None:
        stand.link.close_after(PERMITTED)
        sight = await stand.see(lambda sight: "terminate_sessions" in sight.pending and is_leak_ended(stand))
        killed_at.append(await stand.lose_worker())
        (act,) = scheduled(sight.events, "terminate_sessions")
        assert end_of(sight.events, act) is None
        await stand.stage.worker.start()

    ended = await stand.run(LEAK, meanwhile=kill)
    assert ended.unmet_but_late == []
    assert all(line.at < killed_at[0] for line in witness.ended_since(stand.stage, ended.drill.fault_at))
    (act,) = scheduled(ended.history, "terminate_sessions")
    lost = assert_lost_by_the_first_worker(ended, act)
    (attempt,) = ended.report.attempts
    assert attempt.outcome.status is OutcomeStatus.UNKNOWN
    assert any(read.event_id > lost.event_id for read in scheduled(ended.history, "read_database"))
    assert_asked_once(ended)


async def test_killed_in_the_clear_window(stand: Stand) -> None:
    async def kill(stand: Stand) -> None:
        sight = await stand.see(lambda sight: bool(timers(sight.events, "clear window")))
        assert not is_fired(sight.events, timers(sight.events, "clear window")[0])
        await stand.lose_worker()
        await stand.stage.worker.start()

    ended = await stand.run(LEAK, meanwhile=kill)
    assert ended.unmet_but_late == []
    windows = timers(ended.history, "clear window")
    assert is_fired(ended.history, windows[0])
    whole = [window for window in windows if is_fired(ended.history, window)]
    assert len(whole) == len(scheduled(ended.history, "read_window"))
    assert len(workers(ended.history)) == 2
    assert_asked_once(ended)


async def test_undersized(stand: Stand, tmp_path: Path) -> None:
    ended = await stand.run(UNDERSIZED)
    assert ended.unmet == []
    written = await read_summary(ended, tmp_path)
    (action,) = written["actions"]
    assert (action["option"], action["decided_by"]) == ("resize", "dba-on-call")
    assert len(action["touched"]) == 1
    assert "undersized" in {cause["cause"] for cause in written["causes"]}


async def test_left_alone_an_undersized_pool_stays_full(stand: Stand) -> None:
    async with alone(stand, UNDERSIZED) as ended:
        assert ended.unmet == []
        assert ended.report.requests == ()


async def test_killed_while_waiting_for_approval(stand: Stand) -> None:
    class Approver(StandIn):
        """Answers while no worker lives."""

        @override
        async def decide(self, drill: Drill, request: Request) -> None:
            await stand.see(lambda sight: bool(timers(sight.events, "answer to")) and not sight.pending)
            await stand.lose_worker()
            await super().decide(drill, request)
            await stand.stage.worker.start()

    ended = await stand.run(UNDERSIZED, person=Approver(Lines(QUICK)))
    assert ended.unmet_but_late == []
    (request,) = ended.report.requests
    pages = [page for page in stand.stage.stack.receiver.messages() if request.id in text_of(page)]
    assert len(pages) == 1
    assert len(scheduled(ended.history, "resize_pool")) == 1
    assert len(workers(ended.history)) == 2


class TestObserve:
    """One leak that poolmedic may only observe, and what becomes of it, in the order of these tests."""

    async def test_left_alone_the_pool_stays_exhausted(self, observed: Ended) -> None:
        assert observed.unmet == []

    async def test_a_page_due_while_no_worker_lives_goes_out(self, stand: Stand, observed: Ended) -> None:
        alert = observed.drill.alert
        assert alert is not None
        due = alert.starts_at + timedelta(seconds=seconds(IMPATIENT.acknowledge))
        # Shortly before: Temporal then still holds the page's task for the worker that died.
        sight = await stand.see(lambda sight: sight.at > due - timedelta(seconds=2))
        *_, clock = timers(sight.events, "acknowledge")  # set anew, where the first step was a long one
        await stand.lose_worker()
        await stand.see(lambda sight: is_fired(sight.events, clock))
        assert pages_above(stand, observed) == []
        await stand.stage.worker.start()
        ready = datetime.now(due.tzinfo)
        page = await stand.stage.stack.receiver.wait_for(
            lambda page: page in pages_above(stand, observed), 30
        )
        assert page.path == "/database-team"
        assert "nobody has acknowledged" in text_of(page)
        assert (page.at - ready).total_seconds() < SECONDS_TO_PAGE

    async def test_nothing_was_asked_that_could_change_anything(
        self, stand: Stand, recording: Recording, observed: Ended
    ) -> None:
        assert await recording.offences() == []
        assert await recording.readings(since=observed.drill.fault_at) > 0
        sight = await stand.see(lambda _: True)
        asked = {each.activity_task_scheduled_event_attributes.activity_type.name for each in sight.events}
        assert asked - {""} <= READS | TELLS

    async def test_the_judge_tells_a_pool_that_was_not_healed(self, observed: Ended) -> None:
        unhealed = dataclasses.replace(observed.drill, scenario=LEAK)
        found = {check.what for check in await judge.judge(unhealed) if not check.holds}
        assert found >= {
            "Ended by command: the fault's sessions, each once",
            "The pool is free",
            "The application responds",
            "Every user is served",
            "Acted within a second",
            "The report says the same",
        }

    async def test_the_judge_tells_a_decoy_that_was_ended(self, stand: Stand, observed: Ended) -> None:
        (honest,) = [each for each in observed.drill.decoys.sessions if "honest" in each.what]
        async with connected(stand.stage.stack.postgres, SUPERUSER) as connection:
            assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", honest.pid)
        lost = f"Everybody else's sessions live: lost: {honest.what}"
        ended = f"No session was ended: pid {honest.pid} 1 times"

        async def ask() -> str | None:
            found = Ended(observed.drill, await judge.judge(observed.drill)).unmet
            return None if {lost, ended} <= set(found) else str(found)

        assert await probes.until(ask, 5) is None


def is_leak_ended(stand: Stand) -> bool:
    """Whether PostgreSQL has ended as many sessions in this drill as are leaked."""
    return len(witness.ended_since(stand.stage, stand.begun_at)) == LEAKED


def assert_lost_by_the_first_worker(ended: Ended, act: HistoryEvent) -> HistoryEvent:
    """The first of two workers began it, once, and was never heard of again; the event that says so."""
    start, end = start_of(ended.history, act), end_of(ended.history, act)
    assert start is not None
    assert end is not None
    first, _second = workers(ended.history)
    started = start.activity_task_started_event_attributes
    assert (started.identity, started.attempt) == (first, 1)
    failure = end.activity_task_timed_out_event_attributes.failure
    assert failure.timeout_failure_info.timeout_type == TimeoutType.TIMEOUT_TYPE_HEARTBEAT
    return end


def assert_asked_once(ended: Ended) -> None:
    """The server was asked to end each leaked session once, and nothing else."""
    lines = ended.drill.stage.stack.postgres.log.asked()
    asked = [
        json.loads(line.message.removeprefix("poolmedic "))
        for line in lines
        if line.at >= ended.drill.fault_at
    ]
    assert sorted(each["pid"] for each in asked) == sorted(session.pid for session in ended.drill.culprits)


def pids(touched: list[str]) -> set[int]:
    return {int(found[1]) for each in touched if (found := re.match(r"session (\d+) ", each))}


def pages_above(stand: Stand, observed: Ended) -> list[Any]:
    """Pages of this drill to others than the on-call engineer."""
    messages = stand.stage.stack.receiver.messages()
    return [
        each
        for each in messages
        if each.at > observed.drill.fault_at and each.path not in {"/oncall", "/people"}
    ]
