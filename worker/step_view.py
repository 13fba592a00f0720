"""One step that would be taken, for a terminal of 80 columns: exactly what it would touch."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import assert_never

from rich.console import RenderableType
from rich.table import Table

from worker.report_view import titled
from worker.terminal import shown
from workflows.models.diagnosis import Diagnosis
from workflows.models.plan import (
    Cancellation,
    IndexCreation,
    Proposal,
    Resize,
    Restart,
    SessionTimeout,
    Termination,
)
from workflows.models.policy import Permission, Policy
from workflows.models.session import SessionIdentity
from workflows.wording import listed, span


def details(step: Proposal, policy: Policy, diagnosis: Diagnosis) -> Iterator[RenderableType]:
    """What the act would be given, by what identifies it; what it risks, and whether it is allowed."""
    yield from _touched(step, diagnosis)
    table = Table.grid(padding=(0, 2))
    table.add_row("risk", shown(step.risk))
    table.add_row("allowed", shown(_permission(step, policy)))
    yield table


def clock(moment: datetime) -> str:
    """Within 80 columns there is no room for the year and the zone, which the engineer knows."""
    return f"{moment.astimezone():%m-%d %H:%M:%S}"


def _permission(step: Proposal, policy: Policy) -> str:
    approval = policy.approval
    approvers = listed(approval.approvers) or "nobody is named who could approve"
    approvers = f"{approval.people} of {approvers}" if approval.people > 1 else approvers
    words = {
        Permission.ALONE: "by itself",
        Permission.APPROVAL: f"after approval ({approvers})",
        Permission.NEVER: "never",
    }
    return f"{words[step.permission]}; mode {policy.mode}"


def _touched(step: Proposal, diagnosis: Diagnosis) -> Iterator[RenderableType]:
    match step.act:
        case Termination() as act:
            yield _sessions(act.sessions)
            yield from _later(act.rest)
        case Cancellation() as act:
            yield _statements(act)
            yield from _later(act.rest)
        case Restart() as act:
            table = titled("container that would be restarted", "container", "id", "instance", "up since")
            _add(table, act.container, act.container_id[:12], act.instance, clock(act.started_at))
            yield table
        case Resize() as act:
            yield _sizes(act, diagnosis)
        case SessionTimeout() as act:
            table = titled("setting that would be changed", "role", "database", "now", "then")
            _add(table, act.role, act.dbname, act.before or "nothing", span(act.timeout))
            yield table
            yield _sessions(act.sessions)
        case IndexCreation() as act:
            yield _index(act)
        case _ as unknown:
            assert_never(unknown)


def _later(rest: Iterable[SessionIdentity]) -> Iterator[RenderableType]:
    if pids := [each.pid for each in rest]:
        yield shown(f"and in later waves, if they are still there: pid {listed(pids)}")


def _statements(act: Cancellation) -> Table:
    table = titled("statements that would be cancelled", "pid", "role", "began", "application")
    for each in act.statements:
        _add(table, each.pid, each.usename, clock(each.query_start), each.application_name)
    return table


def _sessions(sessions: Iterable[SessionIdentity]) -> Table:
    columns = ("pid", "state", "connected", "so since", "application")
    table = titled("sessions that would be ended", *columns)
    for each in sessions:
        connected, since = clock(each.backend_start), clock(each.state_change)
        _add(table, each.pid, each.state, connected, since, each.application_name)
    return table


def _sizes(act: Resize, diagnosis: Diagnosis) -> Table:
    columns = ("instance", "now", "then", "configured", "for")
    table = titled("pools that would get another size", *columns)
    for name, size in act.sizes.items():
        pool = diagnosis.pools.get(name)
        now = pool.value.size if pool is not None and pool.kind == "known" else "unknown"
        _add(table, name, now, size, act.baseline.get(name, "unknown"), span(act.lasts))
    return table


def _index(act: IndexCreation) -> Table:
    """A name of 63 letters has to stay whole."""
    table = Table.grid(padding=(0, 2))
    _add(table, "index", act.name)
    _add(table, "on", f"{act.namespace}.{act.table} ({', '.join(act.columns)})")
    _add(table, "undo", act.undo)
    return table


def _add(table: Table, *values: object) -> None:
    table.add_row(*(shown(value) for value in values))
