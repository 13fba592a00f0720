"""What is shown when a drill has ended: every check, how fast it was, and where to look further."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.demo.check import Check
from deploy.demo.summary import Summary
from deploy.demo.times import Shortened
from worker.terminal import shown


def tell_shortened(times: Sequence[Shortened]) -> RenderableType:
    """Which numbers are not the runbook's."""
    if not times:
        return shown("All times are the runbook's own.")
    table = Table(
        "", "runbook", "here", title="Shortened, by configuration alone", title_justify="left", box=None
    )
    for each in times:
        table.add_row(shown(each.what), shown(each.runbook), shown(each.demo))
    return table


def tell_ending(summary: Summary, checks: Sequence[Check], places: Mapping[str, str]) -> RenderableType:
    """The whole result on one screen."""
    return Group(
        Text(), _checks(checks), Text(), _figures(summary), Text(), _places(places), *_verdict(checks)
    )


def _verdict(checks: Sequence[Check]) -> list[RenderableType]:
    missed = [check for check in checks if not check.holds]
    if not missed:
        return []
    told = "; ".join(f"{check.what} ({check.seen})" for check in missed)
    return [Text(), shown(f"{len(missed)} of {len(checks)} was not so: {told}", "bold red")]


def _checks(checks: Sequence[Check]) -> Table:
    table = Table(
        "", "must be so", "seen", title="Judged from outside", title_justify="left", box=None, pad_edge=False
    )
    for check in checks:
        table.add_row(_mark(check), shown(check.what), shown(check.seen))
    return table


def _mark(check: Check) -> Text:
    return shown("yes", "green") if check.holds else shown("NO", "bold red")


def _figures(summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(shown("outcome", "bold"), shown(summary.outcome, "bold"))
    for cause in summary.causes:
        table.add_row(shown("cause"), shown(f"{cause.cause} ({cause.confidence:.0%}): {cause.reasons[0]}"))
    for action in summary.actions:
        touched = f"{len(action.touched)} touched, decided by {action.decided_by}"
        table.add_row(shown("act"), shown(f"{action.option}: {touched}"))
    for name, value in summary.seconds.model_dump().items():
        table.add_row(shown(name.replace("_", " ")), shown("-" if value is None else f"{value:.1f} s"))
    cost = f"{summary.history_events} events, {summary.billable_actions} billable actions"
    table.add_row(shown("Temporal"), shown(cost))
    return table


def _places(places: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for what, where in places.items():
        table.add_row(shown(what), shown(where))
    return table
