"""Did it end as it must? Judged by the application, PostgreSQL's log, the engine, the receiver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from urllib.parse import unquote, urlsplit

from deploy.demo import bystanders, health, queues, sizing, slowness, witness
from deploy.demo.check import FULL, Check, Judge, is_full
from deploy.demo.configuration import PATHS
from deploy.demo.drill import Drill
from deploy.demo.narration import refused
from deploy.demo.person import text_of
from deploy.demo.sessions import SessionId
from deploy.local.receiver import Message
from workflows.models.diagnosis import QUEUES, Cause, Diagnosis
from workflows.models.page import Level
from workflows.models.policy import Option
from workflows.models.report import Ending
from workflows.wording import counted, listed, percent

PEOPLE = {
    Level.L1: "the on-call engineer",
    Level.L2: "the database team",
    Level.L3: "the engineering lead",
}

SECTION = "\n## "
ADVICE = f"{SECTION}What to change for good"


async def judge(drill: Drill) -> tuple[Check, ...]:
    """Every check of this scenario; call it while users and decoys still live."""
    return tuple([await check(drill) for check in _checks(drill)])


def _checks(drill: Drill) -> Iterator[Judge]:
    scenario = drill.scenario
    is_slow = Cause.SLOW in (scenario.cause, *scenario.then)
    cancelled = slowness.cancelled if is_slow else queues.cancelled
    yield from (_sessions, cancelled, _decoys, _container, _sufferers, _pages)
    if drill.stage.others:
        yield from bystanders.BESIDE
    if scenario.ending is Ending.OPEN:
        yield _still_exhausted
    else:
        yield from health.RECOVERED
    if scenario.acts:
        yield health.promptness
    if Option.INDEX in scenario.acts:
        yield slowness.index
    if scenario.acts and scenario.cause in QUEUES:
        yield from queues.DRAINED
    yield from sizing.RESIZED if scenario.resizes else (sizing.untouched_size,)
    yield _report
    if scenario.advice:
        yield _advice
    if scenario.told:
        yield _told


async def _sessions(drill: Drill) -> Check:
    """By PostgreSQL's log: each session that the fault left once, and nobody else's."""
    expected = Counter(drill.culprits if drill.scenario.ends_sessions else ())
    lines = witness.ended_since(drill.stage, drill.fault_at)
    ended = Counter(SessionId.logged(line) for line in lines)
    wrong = [f"pid {each.pid} {times} times" for each, times in (ended - expected).items()]
    spared = [f"pid {each.pid} not" for each in expected - ended]
    seen = ", ".join([*wrong, *spared]) or (f"{len(ended)} of {len(expected)}" if expected else "none")
    what = "Ended by command: the fault's sessions, each once" if expected else "No session was ended"
    return Check(what, ended == expected, seen)


async def _decoys(drill: Drill) -> Check:
    decoys = replace(drill.decoys, sessions=(*drill.decoys.sessions, *drill.ground.beside))
    lost = await decoys.lost()
    kinds = ", ".join(decoy.what for decoy in decoys.sessions)
    return Check("Everybody else's sessions live", not lost, f"lost: {', '.join(lost)}" if lost else kinds)


async def _container(drill: Drill) -> Check:
    """By the engine: the same start as before the fault, or one new one where a restart is the remedy."""
    name = drill.stage.application.name
    before, now = drill.containers[name], await witness.container_start(drill.stage, name)
    starts = Counter(event.action for event in await witness.starts_since(drill.stage, name, drill.fault_at))
    told = ", ".join(f"{action} {counted(times, 'time')}" for action, times in sorted(starts.items()))
    seen = f"{f'events {told}; ' if told else ''}running since {now.at}"
    if drill.scenario.restarts:
        is_once = starts["start"] == 1 and now.id == before.id and now.at != before.at
        return Check("The container was restarted, once", is_once, seen)
    return Check("The container was not restarted", now == before and not starts, seen)


async def _sufferers(drill: Drill) -> Check:
    """The fault was real: without it nothing else proves anything."""
    fullest = max((each.pool.utilization for each in drill.scenes if each.pool), default=0.0)
    hurt = sum(refused(each) > 0 for each in drill.scenes)
    seen = f"{percent(fullest)} at most; users refused in {hurt} of {len(drill.scenes)} looks"
    return Check("The fault was real", fullest > FULL and hurt > 0, seen)


async def _pages(drill: Drill) -> Check:
    """By the receiver: everybody whom the scenario wants told was, and nobody was woken beside them."""
    paged = Counter(message.path for message in _paged(drill))
    wanted = drill.scenario.calls
    seen = ", ".join(f"{counted(number, 'message')} to {path}" for path, number in sorted(paged.items()))
    what = f"Told: {listed(PEOPLE[level] for level in sorted(wanted))}, and nobody else"
    return Check(what, set(paged) == {f"/{PATHS[level]}" for level in wanted}, seen or "no message")


async def _told(drill: Drill) -> Check:
    """By the receiver: the highest of those who are called reads what the matter is."""
    highest = max(drill.scenario.calls)
    pages = [text_of(message) for message in _paged(drill) if message.path == f"/{PATHS[highest]}"]
    missing = [words for words in drill.scenario.told if not any(words in page for page in pages)]
    seen = f"missing: {'; '.join(missing)}" if missing else f"all of {len(drill.scenario.told)} parts"
    return Check(
        f"{PEOPLE[highest]} reads what the matter is".capitalize(), bool(pages) and not missing, seen
    )


async def _still_exhausted(drill: Drill) -> Check:
    since = next((each.at for each in drill.scenes if is_full(each)), None)
    looks = [each for each in drill.scenes if since and each.at >= since]
    freed = sum(not is_full(each) for each in looks)
    remains = await drill.scenario.fault.remains(drill.ground)
    seen = f"{freed} of {len(looks)} looks saw it free; still there: {remains or 'nothing'}"
    holds = bool(looks) and not freed and bool(remains)
    return Check("Left alone, the pool stays exhausted", holds, seen)


async def _report(drill: Drill) -> Check:
    """The incident's own word agrees: nothing but these causes in turn, these acts, this ending."""
    report = drill.report
    causes = dict.fromkeys(causes_of(report.diagnoses)) if report else {}
    acts = {each.proposal.act.option for each in report.attempts} if report else set()
    scenario = drill.scenario
    holds = (
        report is not None
        and report.outcome == scenario.ending
        and [each for each in causes if each is not Cause.HEALTHY or each is scenario.cause]
        == [scenario.cause, *scenario.then]
        and acts == scenario.acts
    )
    seen = f"outcome {report.outcome}" if report else "no report"
    return Check("The report says the same", holds, f"{seen}; causes {_named(causes)}; acts {_named(acts)}")


def causes_of(diagnoses: Iterable[Diagnosis]) -> Iterator[Cause]:
    """In turn; a look that asks for another one names none if it knows no cause, or the next finds none.

    A healed pool is full for a moment where the machine stands still for one.
    """
    looks = [diagnosis.first for diagnosis in diagnoses]
    for look, following in zip_longest(looks, looks[1:]):
        is_dismissed = look.cause is Cause.UNKNOWN or (following and following.cause is Cause.HEALTHY)
        if look.ripe_in is None or not is_dismissed:
            yield look.cause


async def _advice(drill: Drill) -> Check:
    """In the report as it is stored, for people to read."""
    file = Path(unquote(urlsplit(drill.stored).path)) if drill.stored else None
    _, _, rest = file.read_text().partition(ADVICE) if file else ("", "", "")
    found = [words for words in drill.scenario.advice if words in rest.partition(SECTION)[0]]
    what = f"The report says what to change for good: {listed(drill.scenario.advice)}"
    return Check(what, found == list(drill.scenario.advice), f"in {file}: {listed(found) or 'nothing'}")


def _paged(drill: Drill) -> list[Message]:
    """Messages to people since the fault; what Alertmanager sends for itself is not poolmedic's doing."""
    messages = drill.stage.stack.receiver.messages()
    return [each for each in messages if each.at >= drill.fault_at and each.path != "/people"]


def _named(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "none"
