"""A report for a terminal: what a person who was just woken needs first comes first."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from worker.terminal import shown
from workflows.approval import approvers_of
from workflows.attempts import may_have_touched
from workflows.models.approval import Request
from workflows.models.diagnosis import Diagnosis
from workflows.models.evidence import PoolState
from workflows.models.outcome import Attempt
from workflows.models.reading import Known, Reading
from workflows.models.report import Report
from workflows.models.verdict import Verdict
from workflows.wording import listed, unread

SOON = timedelta(minutes=1)
"""A page that takes no longer than this is on its ordinary way."""
_STYLES = {"open": "bold yellow", "handed over": "bold red", "recovered": "bold green"}


def render(report: Report) -> RenderableType:
    """The whole report; sections without content are left out."""
    sections = [
        _head(report),
        *_waiting(report),
        *(shown(told, "bold red") for told in unreached(report, datetime.now(UTC))),
        *(pools(report.diagnoses[-1], "pools, when last diagnosed") if report.diagnoses else ()),
        *_attempts(report),
        *_verdict(report),
        *_escalations(report),
        _timeline(report),
        *_left_out(report),
        *_links(report),
    ]
    return Group(*(part for section in sections for part in (section, Text())))


def _head(report: Report) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    outcome = str(report.outcome)
    table.add_row("target", shown(report.target, "bold"))
    table.add_row("outcome", shown(outcome, _STYLES.get(outcome, "")))
    table.add_row("opened", clock(report.opened_at))
    if report.diagnoses:
        first = report.diagnoses[-1].first
        table.add_row("cause", shown(f"{first.cause} ({first.confidence:.0%})", "bold"))
        for reason in first.reasons:
            table.add_row("", shown(reason))
    for name, seconds in report.seconds.model_dump(exclude_none=True).items():
        table.add_row(name.replace("_", " "), f"{seconds:.1f} s")
    if report.firings > 1:
        table.add_row("alert fired", f"{report.firings} times")
    if report.recurrences:
        table.add_row("recurrences", str(report.recurrences))
    return table


def _waiting(report: Report) -> Iterator[RenderableType]:
    if report.pending:
        yield _request(report, report.pending)


def unreached(report: Report, now: datetime) -> tuple[str, ...]:
    """Of every page that has been under way for long, that it has reached nobody yet."""
    return tuple(
        f"{page.whom} not reached yet: {page.reason}, trying since {page.at.astimezone():%H:%M}"
        for page in report.under_way
        if not report.complete and now - page.at > SOON
    )


def _request(report: Report, request: Request) -> RenderableType:
    target, approved = report.target, listed(approvers_of(report.decisions, request.id))
    many = f"; {request.people} of them have to approve" if request.people > 1 else ""
    many += f", {approved} did" if approved else ""
    table = Table(title="waiting for approval", title_justify="left", show_header=False, min_width=60)
    for name, value in (
        ("request", request.id),
        ("what", request.effect),
        ("risk", request.risk),
        ("may decide", f"{', '.join(request.approvers)}{many}"),
        ("until", clock(request.until)),
        ("yes", f"poolmedic approve {target} {request.id} --by NAME"),
        ("no", f"poolmedic reject {target} {request.id} --by NAME"),
    ):
        table.add_row(name, shown(value))
    return table


def pools(diagnosis: Diagnosis, title: str) -> Iterator[RenderableType]:
    """Every instance's pool, and what is not known."""
    table = titled(title, "instance", "checked out", "maximum", "idle", "waiting")
    for name, reading in diagnosis.pools.items():
        table.add_row(shown(name), *_pool(reading))
    yield table
    said = unread(diagnosis.missing)
    if missing := [
        each
        for each, sentence in zip(diagnosis.missing, said, strict=True)
        if sentence not in diagnosis.first.reasons
    ]:
        yield shown("not known: " + "; ".join(missing), "yellow")


def _pool(reading: Reading[PoolState]) -> tuple[Text, ...]:
    if not isinstance(reading, Known):
        return (shown(f"unavailable: {reading.reason}", "yellow"),)
    pool = reading.value
    waiters = "not told" if pool.waiters is None else pool.waiters
    return tuple(shown(value) for value in (pool.active, pool.size, pool.idle, waiters))


def _attempts(report: Report) -> Iterator[RenderableType]:
    if not report.attempts:
        return
    table = titled("what was done", "at", "option", "outcome", "helped", "decided by", "touched")
    for attempt in report.attempts:
        table.add_row(*_attempt(attempt))
    yield table


def _attempt(attempt: Attempt) -> tuple[Text, ...]:
    helped = {True: "yes", False: "no", None: "not known"}[attempt.helped]
    touched = [shown(f"{one.what}: {one.result}") for one in attempt.outcome.touched]
    row = (
        clock(attempt.at),
        attempt.proposal.act.option,
        attempt.outcome.status,
        helped if may_have_touched(attempt) else "nothing was done",
        attempt.decided_by,
    )
    last = Text("\n").join(touched) if touched else shown(attempt.outcome.detail)
    return (*(shown(value) for value in row), last)


def _verdict(report: Report) -> Iterator[RenderableType]:
    if report.verdicts:
        yield _criteria(report.verdicts[-1])


def _criteria(verdict: Verdict) -> RenderableType:
    table = titled(f"verification: {verdict.state}", "criterion", "state", "measured", "limit")
    for one in verdict.criteria:
        table.add_row(*(shown(value) for value in (one.name, one.state, one.measured, one.limit)))
    return table


def _escalations(report: Report) -> Iterator[RenderableType]:
    if not report.escalations:
        return
    table = titled("who was told", "at", "whom", "reason", "by")
    for one in report.escalations:
        way = one.delivered_by or one.failure or "under way"
        table.add_row(*(shown(value) for value in (clock(one.at), one.whom, one.reason, way)))
    yield table


def _timeline(report: Report) -> RenderableType:
    table = titled("timeline", "at", "what")
    for entry in report.timeline:
        table.add_row(clock(entry.at), shown(entry.text))
    return table


def _left_out(report: Report) -> Iterator[RenderableType]:
    if report.left_out:
        told = "; ".join(report.left_out)
        yield shown(f"no room in this report, but in the Temporal history: {told}", "yellow")


def _links(report: Report) -> Iterator[RenderableType]:
    for name, url in report.links.items():
        yield shown(f"{name}: {url}")


def titled(title: str, *columns: str) -> Table:
    """A table under its title, without lines."""
    table = Table(*columns, title=shown(title), title_justify="left", title_style="bold", box=None)
    table.show_edge = False
    return table


def clock(moment: datetime) -> str:
    """In the zone of whoever reads it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"
