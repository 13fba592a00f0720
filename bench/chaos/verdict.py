"""What became of a trial, judged from outside: PostgreSQL's log, the engine, the receiver, the application.

Poolmedic's own word is taken for two things only: whether an incident ended by a name, and how many acts it
owns up to. What was done beyond those is a fault.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from temporalio.client import WorkflowExecutionStatus

from bench.chaos.clocks import Course, judge_calls, judge_clocks
from bench.chaos.trial import Trial
from deploy.demo import health, witness
from deploy.demo.check import Check
from deploy.demo.clearance import fires
from deploy.demo.sessions import SessionId
from workflows.models.policy import Mode, Option
from workflows.models.report import Ending

LOOKS, SECONDS_BETWEEN_LOOKS = 8, 0.5
MOST_SIZES = 2
"""The larger one, and the one from before."""


@dataclass(frozen=True)
class Failure:
    """One thing that must not be: its ``kind`` is the summary's counter."""

    kind: str
    what: str


async def judge(trial: Trial) -> list[Failure]:
    """Everything that is not as it must be; call it while users and decoys still live."""
    if trial.incident.run is None:
        return [await _missing(trial)]
    found = [*_ending(trial), *_sessions(trial), *_asked(trial), *_pages(trial)]
    return [
        *found,
        *await _containers(trial),
        *await _recovery(trial),
        *await _others(trial),
        *_complaints(trial),
    ]


async def _missing(trial: Trial) -> Failure:
    """A trial without an incident is nothing to be proud of, whichever of the two it was."""
    if trial.alerted_at is not None or await fires(trial.site.stage):
        return Failure("lost", "no incident came of the alert")
    return Failure("unplayed", "no alert came of the pool's fault")


def _ending(trial: Trial) -> Iterator[Failure]:
    run, report = trial.incident.run, trial.incident.report
    if run is None or run.status is not WorkflowExecutionStatus.COMPLETED:
        status = run.status.name if run and run.status else "unknown"
        yield Failure("unnamed", f"the incident is {status.lower()} long after everything was as before")
    elif report is None or report.outcome is Ending.OPEN:
        yield Failure("unnamed", "the incident has ended and names no outcome")
    if trial.drill.change is not None and trial.drill.change.status is WorkflowExecutionStatus.RUNNING:
        yield Failure("unnamed", "the temporary size is not taken back")


def _sessions(trial: Trial) -> Iterator[Failure]:
    """By PostgreSQL's log: whose sessions a command ended."""
    lines = witness.ended_since(trial.site.stage, trial.drill.fault_at)
    ended = Counter(SessionId.logged(line) for line in lines)
    ours = set(trial.drill.culprits) if trial.play.act else set[SessionId]()
    for session, times in ended.items():
        if session not in ours | trial.ended_by_others:
            yield Failure("foreign", f"the session of pid {session.pid} was ended")
        if times > 1:
            yield Failure("twice", f"the session of pid {session.pid} was ended {times} times")


def _asked(trial: Trial) -> Iterator[Failure]:
    """By what the server's own functions wrote down."""
    stage, since = trial.site.stage, trial.drill.fault_at
    asked = [
        json.loads(line.message.removeprefix("poolmedic "))
        for line in stage.stack.postgres.log.asked()
        if line.at >= since
    ]
    pids = {session.pid for session in trial.drill.culprits} if trial.play.act else set[int]()
    return judge_requests(
        asked, pids, listed={each.pid for each in trial.drill.ground.beside if trial.play.act}
    )


def judge_requests(
    asked: Sequence[Mapping[str, Any]], pids: Collection[int], listed: Collection[int]
) -> Iterator[Failure]:
    """Each of these sessions was asked for once, and none beside them.

    One that was `listed` and works again may be asked for in vain, once: the server compares it with what
    was seen, and no later look may list it.
    """
    in_vain = [each["pid"] for each in asked if each["pid"] in listed and not each["signalled"]]
    for each in asked:
        if each["pid"] not in {*pids, *in_vain} or (each["pid"] in listed and each["signalled"]):
            yield Failure("foreign", f"{each['request']} was asked for pid {each['pid']}")
    signalled = Counter(each["pid"] for each in asked if each["signalled"])
    for pid, times in (Counter(in_vain) + signalled).items():
        if times > 1:
            yield Failure("twice", f"pid {pid} was asked for or signalled {times} times")


async def _containers(trial: Trial) -> list[Failure]:
    """By the engine: no more restarts and new sizes than the report owns up to, and none out of place."""
    stage, name = trial.site.stage, trial.site.stage.application.name
    starts = await witness.starts_since(stage, name, trial.drill.fault_at)
    restarts = sum(event.action == "restart" for event in starts) - trial.site.operator_restarts
    owned = _attempts(trial, Option.RESTART)
    found = []
    if restarts > owned:
        found.append(Failure("twice", f"{restarts} restarts where the report has {owned}"))
    if restarts > 0 and not trial.play.scenario.restarts:
        found.append(Failure("foreign", f"the container was restarted for {trial.play.name}"))
    if restarts > 1:
        found.append(Failure("twice", f"the container was restarted {restarts} times"))
    if (sizes := await _sizes(trial)) > MOST_SIZES:
        found.append(Failure("twice", f"the pool got {sizes} new sizes"))
    return found


def _attempts(trial: Trial, option: Option) -> int:
    report = trial.incident.report
    return sum(each.proposal.act.option is option for each in report.attempts) if report else 0


async def _sizes(trial: Trial) -> int:
    """New sizes since the trial began, by the application; one that was restarted began to count anew."""
    try:
        return (await trial.site.stage.application.pool()).generation - trial.before.generation
    except httpx.HTTPError:
        return 0  # that it does not answer is told elsewhere


async def _recovery(trial: Trial) -> list[Failure]:
    """Whatever is called recovered has a free pool, by the application's own page."""
    report = trial.incident.report
    if report is None or report.outcome is Ending.OPEN:
        return []
    try:
        checks = [await health.pool(trial.drill), await _responds(trial)]
    except httpx.HTTPError as error:
        return [Failure("false_recovered", f"{report.outcome}, and its page does not answer: {error!r}")]
    unmet = [f"{each.what}: {each.seen}" for each in checks if not each.holds]
    return [Failure("false_recovered", f"{report.outcome}: {each}") for each in unmet]


async def _responds(trial: Trial) -> Check:
    """In one of several looks: a crowd may be in it for a moment."""
    check = await health.answers(trial.drill)
    for _ in range(LOOKS):
        if check.holds:
            break
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        check = await health.answers(trial.drill)
    return check


async def _others(trial: Trial) -> list[Failure]:
    if not trial.draw.fault.spares_database:
        return []
    decoys = trial.drill.decoys
    every = dataclasses.replace(decoys, sessions=(*decoys.sessions, *trial.drill.ground.beside))
    return [Failure("foreign", f"{each} was lost") for each in await every.lost()]


def _pages(trial: Trial) -> Iterator[Failure]:
    """Somebody is told of every incident; whom a clock calls is called when it runs out, and only then."""
    if not trial.messages():
        yield Failure("late_pages", "nobody was told anything")
    clocks = trial.play.clocks
    if (course := course_of(trial)) is not None:
        yield from (Failure("late_pages", what) for what in judge_clocks(course, clocks))
        yield from (Failure("undue_pages", what) for what in judge_calls(course, clocks))


def course_of(trial: Trial) -> Course | None:
    """What its clocks are judged by; None where there was no incident."""
    run, report, over_at = trial.incident.run, trial.incident.report, trial.over_at
    if run is None or over_at is None:
        return None
    began = report.case.alert.starts_at if report and report.case else run.start_time
    return Course(
        alerted_at=trial.alerted_at or began,
        taken_at=run.start_time,
        over_at=over_at,
        looks=trial.looks,
        told=trial.told(),
        outages=trial.strike.outages,
        broken=(trial.struck_at, trial.back_at or over_at) if trial.struck_at else None,
        is_observed=trial.play.scenario.mode is Mode.OBSERVE,
        approved_at=trial.approved_at,
    )


def _complaints(trial: Trial) -> list[Failure]:
    return [Failure("ended_badly", each) for each in trial.site.complaints]
