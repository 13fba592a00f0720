"""Did it end as it must? Judged by the application, PostgreSQL's log, the engine, the receiver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean

from deploy.demo import incident, witness
from deploy.demo.drill import Drill
from deploy.demo.narration import refused
from deploy.demo.scene import Scene
from deploy.demo.times import RUNBOOK
from deploy.demo.witness import SessionId
from deploy.local.receiver import Message
from workflows.models.policy import Option
from workflows.wording import counted, percent

ROOMY = 0.70
"""The runbook's first success criterion."""
FULL = 0.95
SECONDS_TO_ACT = 1.0
PAGES_TO_ACT = 250
"""On a busy machine, as long as so many looks at a page take in the same drill."""
STARTS = frozenset({"start", "restart", "die", "oom"})
"""Events of an engine that a container which just goes on does not have."""


@dataclass(frozen=True)
class Check:
    """One thing that must be so: whether it is, and what was seen."""

    what: str
    holds: bool
    seen: str


async def judge(drill: Drill) -> tuple[Check, ...]:
    """Every check of this scenario; call it while users and decoys still live."""
    checks: list[Callable[[Drill], Awaitable[Check]]] = [_sessions, _decoys, _container, _sufferers, _pages]
    if drill.scenario.ending == "open":
        checks += [_still_exhausted, _untouched_size]
    else:
        checks += [_pool, _answers, _users, _promptness, _report]
        checks += [_approval, _resize, _revert] if drill.scenario.asks else [_untouched_size]
    return tuple([await check(drill) for check in checks])


async def _sessions(drill: Drill) -> Check:
    """By PostgreSQL's log: each leaked session once, and nobody else's."""
    expected = Counter(drill.leaked if Option.TERMINATE in drill.scenario.acts else ())
    lines = witness.ended_since(drill.stage, drill.fault_at)
    ended = Counter(SessionId.logged(line) for line in lines)
    wrong = [f"pid {each.pid} {times} times" for each, times in (ended - expected).items()]
    spared = [f"pid {each.pid} not" for each in expected - ended]
    seen = ", ".join([*wrong, *spared]) or (f"{len(ended)} of {len(expected)}" if expected else "none")
    what = "Ended by command: the leaked sessions, each once" if expected else "No session was ended"
    return Check(what, ended == expected, seen)


async def _decoys(drill: Drill) -> Check:
    lost = await drill.decoys.lost()
    kinds = ", ".join(decoy.what for decoy in drill.decoys.sessions)
    return Check("Everybody else's sessions live", not lost, f"lost: {', '.join(lost)}" if lost else kinds)


async def _container(drill: Drill) -> Check:
    now = await witness.container_start(drill.stage)
    events = await witness.container_events(drill.stage, drill.fault_at, datetime.now(UTC))
    seen = sorted({event.action for event in events if event.action in STARTS})
    told = f"events {', '.join(seen)}" if seen else f"running since {now.at}"
    return Check("The container was not restarted", now == drill.container and not seen, told)


async def _sufferers(drill: Drill) -> Check:
    """The fault was real: without it nothing else proves anything."""
    fullest = max((each.pool.utilization for each in drill.scenes if each.pool), default=0.0)
    hurt = sum(refused(each) > 0 for each in drill.scenes)
    seen = f"{percent(fullest)} at most; users refused in {hurt} of {len(drill.scenes)} looks"
    return Check("The fault was real", fullest > FULL and hurt > 0, seen)


async def _pages(drill: Drill) -> Check:
    """The on-call engineer was told, and nobody was woken above."""
    paged = _paged(drill)
    higher = [message.path for message in paged if message.path != "/oncall"]
    told = sum(message.path == "/oncall" for message in paged)
    seen = f"{counted(told, 'message')} to the on-call engineer" + "".join(f", {path}" for path in higher)
    return Check("The on-call engineer was told, nobody else was woken", told > 0 and not higher, seen)


async def _pool(drill: Drill) -> Check:
    pool = await drill.stage.application.pool()
    forgotten = await drill.stage.application.forgotten()
    seen = f"{pool.checked_out} of {pool.size} in use, {len(forgotten)} forgotten"
    return Check("The pool is free", pool.utilization < ROOMY and not forgotten, seen)


async def _answers(drill: Drill) -> Check:
    word, responds = await drill.stage.application.health(), await drill.stage.application.answers()
    seen = f"health {word}, a query is {'answered' if responds else 'not answered'}"
    return Check("The application responds", word == "healthy" and responds, seen)


async def _users(drill: Drill) -> Check:
    figures = drill.load.summarize(last=10)
    is_served = figures.ok == figures.answers > 0
    p95 = f", 95 % within {figures.p95 * 1000:.0f} ms" if figures.p95 else ""
    return Check("Every user is served", is_served, f"{figures.ok} of {figures.answers} answers{p95}")


async def _promptness(drill: Drill) -> Check:
    """From the webhook's taking of the alert to what PostgreSQL, or a person, saw of it first.

    With the runbook's own ages a fault is younger than they demand when the alert comes.
    """
    taken = _first_act(drill)
    if taken is None:
        return Check("Acted within a second", False, "it never acted")
    if drill.stage.times.leak_age == RUNBOOK.leak_age:
        return Check("Acted", True, f"after {taken:.2f} s")
    allowed = seconds_to_act(drill)
    busy = f"; the machine is busy, so {allowed:.1f} s are allowed" if allowed > SECONDS_TO_ACT else ""
    return Check("Acted within a second of the alert", taken < allowed, f"after {taken:.2f} s{busy}")


def seconds_to_act(drill: Drill) -> float:
    """A second, or what a busy machine makes of it: a ratio within the drill, since others use it too."""
    page = fmean(each.page_seconds for each in drill.scenes) if drill.scenes else 0.0
    return max(SECONDS_TO_ACT, PAGES_TO_ACT * page)


def _first_act(drill: Drill) -> float | None:
    """Seconds from the alert to the first session that PostgreSQL ended, or to the request for approval."""
    ended = [line.at for line in witness.ended_since(drill.stage, drill.fault_at)]
    asked = [request.requested_at for request in drill.report.requests] if drill.report else []
    first = asked if drill.scenario.asks else ended
    if drill.alert is None or not first:
        return None
    return (min(first) - drill.alert.received_at).total_seconds()


async def _report(drill: Drill) -> Check:
    report = drill.report
    seen = f"outcome {report.outcome}" if report else "no report"
    causes = {each.first.cause for each in report.diagnoses} if report else set()
    acts = {each.proposal.act.option for each in report.attempts} if report else set()
    holds = (
        report is not None
        and report.outcome == drill.scenario.ending
        and drill.scenario.cause in causes
        and acts == drill.scenario.acts
    )
    return Check("The report says the same", holds, f"{seen}; causes {_listed(causes)}; acts {_listed(acts)}")


async def _still_exhausted(drill: Drill) -> Check:
    since = next((each.at for each in drill.scenes if _is_full(each)), None)
    looks = [each for each in drill.scenes if since and each.at >= since]
    freed = sum(not _is_full(each) for each in looks)
    left = len(await drill.stage.application.forgotten())
    seen = f"{freed} of {len(looks)} looks saw it free; {left} connections forgotten"
    return Check("Left alone, the pool stays exhausted", bool(looks) and not freed and left > 0, seen)


async def _untouched_size(drill: Drill) -> Check:
    sizes = {(each.pool.size, each.pool.generation) for each in drill.scenes if each.pool}
    seen = ", ".join(f"{size} (generation {generation})" for size, generation in sorted(sizes))
    return Check("The pool's size was not changed", len(sizes) == 1, seen)


async def _approval(drill: Drill) -> Check:
    """No larger size was seen before a person's answer."""
    report = drill.report
    accepted = [each for each in report.decisions if each.accepted and each.approve] if report else []
    grown = _first_grown(drill)
    given = drill.approved_at or (accepted[0].at if accepted else None)
    holds = given is not None and grown is not None and len(accepted) == 1 and given < grown.at
    seen = accepted[0].message if accepted else "nobody approved"
    return Check("Nothing was changed before the approval", holds, seen)


async def _resize(drill: Drill) -> Check:
    before, grown = drill.scenes[0].pool, _first_grown(drill)
    if before is None or grown is None or grown.pool is None:
        return Check("The running application took the larger size", False, "it never did")
    seen = f"{before.size} -> {grown.pool.size} (generation {before.generation} -> {grown.pool.generation})"
    holds = grown.pool.generation > before.generation and grown.pool.started_at == before.started_at
    return Check("The running application took the larger size", holds, seen)


async def _revert(drill: Drill) -> Check:
    """Its own workflow was there before the larger size, and has reverted it, or still waits for its time."""
    change, grown, size = drill.change, _first_grown(drill), drill.scenario.pool_size
    is_before = change is not None and grown is not None and change.start_time < grown.at
    now = (await drill.stage.application.pool()).size
    if drill.reverts_in_time:
        holds = is_before and not incident.is_running(change) and now == size
        return Check("The temporary size was reverted in its time", holds, f"the pool's size is {now}")
    seen = f"{drill.stage.change_id} {'runs' if incident.is_running(change) else 'does not run'}; size {now}"
    return Check("The temporary size will be reverted", is_before and incident.is_running(change), seen)


def _first_grown(drill: Drill) -> Scene | None:
    size = drill.scenario.pool_size
    return next((each for each in drill.scenes if each.pool and each.pool.size > size), None)


def _is_full(scene: Scene) -> bool:
    return scene.pool is not None and scene.pool.utilization > FULL


def _paged(drill: Drill) -> list[Message]:
    """Messages to people since the fault; what Alertmanager sends for itself is not poolmedic's doing."""
    messages = drill.stage.stack.receiver.messages()
    return [each for each in messages if each.at >= drill.fault_at and each.path != "/people"]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "none"
