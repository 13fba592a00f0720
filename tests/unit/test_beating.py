"""Signs of life of an act: what they carry, and when it has to stop by itself."""

import asyncio
import time
from contextlib import nullcontext
from threading import Event
from types import SimpleNamespace
from typing import Any, override

import pytest
from temporalio import activity
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityOutboundInterceptor

from activities import beating
from activities.beating import Heart, beat_during, cut_short, stop_if_given_up
from workflows.models.outcome import Outcome, OutcomeStatus, Touched

TOUCHED = (Touched(what="pid 7", changed=True, result="told to end"),)
DONE = Outcome(status=OutcomeStatus.DONE, touched=TOUCHED)
TOLD_TO_END = ActivityCancellationDetails(worker_shutdown=True)


class Server(ActivityOutboundInterceptor):
    """What it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    @override
    def heartbeat(self, *details: Any) -> None:
        self.heard.append(details)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Of the signs of life alone."""
    now = [100.0]
    monkeypatch.setattr(beating, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_what_was_said_last_is_said_again_and_never_wiped_out() -> None:
    server = Server()
    heart = Heart(server)
    for details in ((), (TOUCHED,), (), ()):
        heart.heartbeat(*details)

    assert server.heard == [(), (TOUCHED,), (TOUCHED,), (TOUCHED,)]
    assert heart.touched == TOUCHED


async def test_it_beats_while_the_act_waits_and_not_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "SECONDS_BETWEEN_BEATS", 0.01)
    server = Server()
    heart = Heart(server)
    async with heart.beating():
        heart.heartbeat(TOUCHED)
        await asyncio.sleep(0.2)
    heard = len(server.heard)
    await asyncio.sleep(0.05)

    assert heard > 3
    assert len(server.heard) == heard
    assert server.heard[-1] == (TOUCHED,)


@pytest.mark.parametrize(("seconds", "may_go_on"), [(3.9, True), (4.1, False)])
def test_one_that_was_silent_is_taken_for_lost_whatever_it_says_later(
    clock: list[float], seconds: float, may_go_on: bool
) -> None:
    """A process that was frozen hears only later that the server has given its act up."""
    heart = Heart(Server())
    clock[0] += seconds
    assert heart.is_taken_for_lost() is not may_go_on
    heart.heartbeat()
    assert heart.is_taken_for_lost() is not may_go_on


async def test_one_that_was_silent_does_not_act(clock: list[float]) -> None:
    async def act() -> None:
        async with Heart(Server()).beating():
            stop_if_given_up()
            clock[0] += 5
            with pytest.raises(asyncio.CancelledError):
                stop_if_given_up()

    await ActivityEnvironment().run(act)


@pytest.mark.parametrize(("seconds", "may_begin"), [(9.9, True), (10.1, False)])
async def test_one_that_comes_too_late_after_it_asked_does_not_begin(
    clock: list[float], seconds: float, may_begin: bool
) -> None:
    """As one that waited for a thread, with a sign of life each second."""

    async def act() -> None:
        heart = Heart(Server())
        async with heart.beating():
            pass_time(clock, heart, seconds)
            with nullcontext() if may_begin else pytest.raises(asyncio.CancelledError):
                stop_if_given_up()
        told = heart.too_late or ""
        assert ("only 11 s after it had asked whether it may, and the answer counts for 10 s" in told) is (
            not may_begin
        )

    await ActivityEnvironment().run(act)


async def test_one_that_has_begun_in_time_may_take_its_time(clock: list[float]) -> None:
    async def act() -> None:
        heart = Heart(Server())
        async with heart.beating():
            pass_time(clock, heart, 9)
            stop_if_given_up()
            pass_time(clock, heart, 200)
            stop_if_given_up()
        assert heart.too_late is None

    await ActivityEnvironment().run(act)


def pass_time(clock: list[float], heart: Heart, seconds: float) -> None:
    for _ in range(10):
        clock[0] += seconds / 10
        heart._last = clock[0]


@pytest.mark.parametrize(
    ("touched", "status", "when"),
    [
        (TOUCHED, OutcomeStatus.UNKNOWN, "in the middle of the act"),
        ((), OutcomeStatus.NOTHING, "before anything was touched"),
    ],
)
@pytest.mark.parametrize(
    ("details", "why"),
    [
        (TOLD_TO_END, "its worker was told to end"),
        (ActivityCancellationDetails(cancel_requested=True), "it was called off"),
        (ActivityCancellationDetails(not_found=True), "it gave no sign of life for so long"),
    ],
)
def test_the_outcome_of_one_that_is_given_up(
    touched: tuple[Touched, ...],
    status: OutcomeStatus,
    when: str,
    details: ActivityCancellationDetails,
    why: str,
) -> None:
    environment = ActivityEnvironment()
    environment.cancel(details)

    outcome = environment.run(cut_short, touched)

    assert (outcome.status, outcome.touched) == (status, touched)
    assert outcome.detail.startswith(why)
    assert outcome.detail.endswith(when)


def test_one_that_blocks_is_left_with_what_it_has_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "SECONDS_TO_STOP", 0.1)
    environment, has_answered = ActivityEnvironment(), Event()

    def block() -> Outcome:
        environment.cancel(TOLD_TO_END)
        has_answered.wait(10)
        return DONE

    began = time.monotonic()
    outcome = environment.run(blocking, block)
    has_answered.set()

    assert time.monotonic() - began < 5
    assert (outcome.status, outcome.touched) == (OutcomeStatus.UNKNOWN, TOUCHED)


def test_one_that_is_done_all_the_same_says_so() -> None:
    environment = ActivityEnvironment()

    def finish() -> Outcome:
        environment.cancel(TOLD_TO_END)
        return DONE

    assert environment.run(blocking, finish) == DONE


def test_one_that_stops_before_its_next_touch_says_what_it_has_touched() -> None:
    environment = ActivityEnvironment()

    def stop() -> Outcome:
        environment.cancel(TOLD_TO_END)
        stop_if_given_up()
        return DONE

    assert environment.run(blocking, stop).status is OutcomeStatus.UNKNOWN


@activity.defn(no_thread_cancel_exception=True)
def blocking(act: Any) -> Outcome:
    """As acts on containers are."""
    return beat_during(act, lambda: TOUCHED)
