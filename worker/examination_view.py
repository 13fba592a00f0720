"""An examination, for a terminal of 80 columns and for machines."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, assert_never

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from worker.check import unavailable
from worker.examination import NEEDS_INCIDENT, Examination, Found
from worker.report_view import pools, titled
from worker.terminal import shown
from workflows.escalation import intention
from workflows.models.plan import (
    Cancellation,
    IndexCreation,
    Proposal,
    Resize,
    Restart,
    SessionTimeout,
    Termination,
)
from workflows.models.policy import Permission
from workflows.models.session import SessionIdentity
from workflows.wording import counted, listed, span

_ENDINGS = {
    Found.HEALTHY: "healthy",
    Found.STEP: "a step is known",
    Found.PEOPLE: "people have to decide",
    Found.SUSPICION: "a suspicion, which another look has to confirm",
    Found.UNKNOWN: "the cause cannot be told",
}


def describe(examination: Examination) -> dict[str, Any]:
    """For machines: everything, with the guards that were asked and those that could not be."""
    return {
        "target": examination.target.name,
        "at": examination.evidence.at.isoformat(),
        "mode": examination.policy.mode,
        "looks": examination.looks,
        "found": examination.found.name.lower(),
        "exit_code": int(examination.found),
        "cause": examination.diagnosis.first.cause,
        "diagnosis": examination.diagnosis.model_dump(mode="json"),
        "plan": examination.plan.model_dump(mode="json"),
        "guards": {
            "asked": dict(examination.guards),
            "not_asked": dict(NEEDS_INCIDENT) if examination.guards else {},
        },
        "unavailable": {".".join(path): reason for path, reason in unavailable(examination.evidence)},
    }


def render(examination: Examination) -> RenderableType:
    """The cause first, then what would be touched, then what else was seen and what was not."""
    sections = [
        *_cause(examination),
        *pools(examination.diagnosis, "pools"),
        *_step(examination),
        *_guards(examination),
        *_beside(examination),
        *_unread(examination),
        _end(examination),
    ]
    return Group(*(part for section in sections for part in (section, Text())))


def _cause(examination: Examination) -> Iterator[RenderableType]:
    first = examination.diagnosis.first
    sure = "" if examination.found is Found.UNKNOWN else f" ({first.confidence:.0%})"
    looks = counted(examination.looks, "look")
    head = shown(f"{examination.target.name}: {first.cause}{sure}", "bold")
    yield Group(
        Text.assemble(head, f"   {looks}, the last at {_clock(examination.evidence.at)}"),
        _list([*first.reasons, *(f"to be judged by a person: {doubt}" for doubt in first.doubts)]),
    )


def _step(examination: Examination) -> Iterator[RenderableType]:
    step = examination.plan.step
    yield shown(intention(step, examination.policy.mode), "bold")
    if isinstance(step, Proposal):
        yield from _touched(step, examination)
        table = Table.grid(padding=(0, 2))
        table.add_row("risk", shown(step.risk))
        table.add_row("allowed", shown(_permission(step, examination)))
        yield table


def _permission(step: Proposal, examination: Examination) -> str:
    approval = examination.policy.approval
    approvers = listed(approval.approvers) or "nobody is named who could approve"
    approvers = f"{approval.people} of {approvers}" if approval.people > 1 else approvers
    words = {
        Permission.ALONE: "by itself",
        Permission.APPROVAL: f"after approval ({approvers})",
        Permission.NEVER: "never",
    }
    return f"{words[step.permission]}; mode {examination.policy.mode}"


def _touched(step: Proposal, examination: Examination) -> Iterator[RenderableType]:
    """Exactly what the act would be given, by what identifies it."""
    match step.act:
        case Termination() as act:
            yield _sessions(act.sessions)
            if act.rest:
                pids = listed(session.pid for session in act.rest)
                yield shown(f"and in later waves, if they are still there: pid {pids}")
        case Cancellation() as act:
            yield _statements(act)
        case Restart() as act:
            table = titled("container that would be restarted", "container", "id", "instance", "up since")
            _add(table, act.container, act.container_id[:12], act.instance, _clock(act.started_at))
            yield table
        case Resize() as act:
            yield _sizes(act, examination)
        case SessionTimeout() as act:
            table = titled("setting that would be changed", "role", "database", "now", "then")
            _add(table, act.role, act.dbname, act.before or "nothing", span(act.timeout))
            yield table
            yield _sessions(act.sessions)
        case IndexCreation() as act:
            yield shown(f"{act.statement}; to take it back: {act.undo}")
        case _ as unknown:
            assert_never(unknown)


def _statements(act: Cancellation) -> Table:
    table = titled("statements that would be cancelled", "pid", "role", "began", "application")
    for each in act.statements:
        _add(table, each.pid, each.usename, _clock(each.query_start), each.application_name)
    return table


def _sessions(sessions: Iterable[SessionIdentity]) -> Table:
    columns = ("pid", "state", "connected", "so since", "application")
    table = titled("sessions that would be ended", *columns)
    for each in sessions:
        connected, since = _clock(each.backend_start), _clock(each.state_change)
        _add(table, each.pid, each.state, connected, since, each.application_name)
    return table


def _sizes(act: Resize, examination: Examination) -> Table:
    columns = ("instance", "now", "then", "configured", "for")
    table = titled("pools that would get another size", *columns)
    for name, size in act.sizes.items():
        pool = examination.diagnosis.pools.get(name)
        now = pool.value.size if pool is not None and pool.kind == "known" else "unknown"
        _add(table, name, now, size, act.baseline.get(name, "unknown"), span(act.lasts))
    return table


def _guards(examination: Examination) -> Iterator[RenderableType]:
    if not examination.guards:
        return
    table = titled("guards before the act", "guard", "now")
    for name, refusal in examination.guards.items():
        table.add_row(shown(name), shown(f"refuses: {refusal}", "yellow") if refusal else shown("passes"))
    for name, why in NEEDS_INCIDENT.items():
        table.add_row(shown(name), shown(f"not asked: {why}", "dim"))
    yield table


def _beside(examination: Examination) -> Iterator[RenderableType]:
    others = examination.diagnosis.findings[1:]
    told = [
        f"less likely: {each.cause} ({each.confidence:.0%}): {' '.join(each.reasons[:1])}" for each in others
    ]
    told += [f"left out: {reason}" for reason in examination.plan.left_out]
    if told:
        yield _list(told)


def _unread(examination: Examination) -> Iterator[RenderableType]:
    """Parts of readings; a whole one that is missing is told with the pools."""
    told = " ".join(examination.diagnosis.missing)
    parts = unavailable(examination.evidence)
    found = [f"{'.'.join(path)}: {reason}" for path, reason in parts if reason not in told]
    if found:
        yield Group(shown("could not be read", "bold"), _list(found))


def _end(examination: Examination) -> RenderableType:
    found = examination.found
    return shown(f"Nothing was touched. Exit code {int(found)}: {_ENDINGS[found]}.")


def _list(lines: Iterable[str]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    for line in lines:
        table.add_row("-", shown(line))
    return table


def _add(table: Table, *values: object) -> None:
    table.add_row(*(shown(value) for value in values))


def _clock(moment: datetime) -> str:
    """Within 80 columns there is no room for the year and the zone, which the engineer knows."""
    return f"{moment.astimezone():%m-%d %H:%M:%S}"
