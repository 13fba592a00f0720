"""What `poolmedic watch` shows: a line for each step, and on a terminal one that says how it stands now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from worker.follower import News
from worker.report_view import unreached
from worker.terminal import shown, write_line
from workflows.models.report import Entry, Report
from workflows.wording import span


async def show_news(news: AsyncIterator[News], target: str, console: Console) -> None:
    """For people; where nobody sits at a terminal, whole lines and nothing else."""
    asked, troubled, late = "", "", frozenset[str]()
    with console.status("asking Temporal") as status:
        async for look in news:
            if look.trouble and look.trouble != troubled:
                _say(console, f"no news: {look.trouble}", "yellow")
            troubled = look.trouble
            for entry in look.entries:
                _tell(console, entry)
            if look.report is None:
                continue
            now = datetime.now(UTC)
            status.update(shown(describe_now(look.report, now)))
            late = _tell_late(console, look.report, now, late)
            if look.report.pending and look.report.pending.id != asked:
                asked = look.report.pending.id
                for line in ways_to_answer(target, asked):
                    _say(console, line, "bold")
            if look.is_last:
                _say(console, describe_end(look, target), "bold")


async def write_news(news: AsyncIterator[News]) -> None:
    """For machines: a JSON document per line, the last one says how it ended."""
    async for look in news:
        for entry in look.entries:
            write_line(entry.model_dump(mode="json"))
        if look.is_last and look.report:
            write_line({"outcome": look.report.outcome, "status": look.status, "run_id": look.report.run_id})


def describe_now(report: Report, now: datetime) -> str:
    """How it stands, in a line."""
    cause = f", {report.diagnoses[-1].first.cause}" if report.diagnoses else ""
    waits = f", waits for an answer until {_clock(report.pending.until)}" if report.pending else ""
    return f"{report.outcome}{cause}, {span(now - report.opened_at)} after the alert{waits}"


def describe_end(look: News, target: str) -> str:
    """How it ended, and where to read on."""
    outcome = look.report.outcome if look.report else "unknown"
    if look.report and not look.report.complete:
        return f"The run was {look.status} from outside: {outcome}. See `poolmedic show {target}`."
    return f"The incident is over: {outcome}. `poolmedic report {target}` has its report."


def ways_to_answer(target: str, request: str) -> tuple[str, str]:
    """What to type, ready to be copied."""
    return (
        f"  yes: poolmedic approve {target} {request} --by NAME",
        f"  no:  poolmedic reject {target} {request} --by NAME",
    )


def _tell_late(console: Console, report: Report, now: datetime, told: frozenset[str]) -> frozenset[str]:
    """Each page that reaches nobody once."""
    late = dict.fromkeys(unreached(report, now))
    for line in late:
        if line not in told:
            _say(console, line, "bold red")
    return told | late.keys()


def _tell(console: Console, entry: Entry) -> None:
    if not console.is_terminal:
        _say(console, f"{_clock(entry.at)} {entry.text}")
        return
    table = Table.grid(padding=(0, 1))
    table.add_row(shown(_clock(entry.at), "dim"), shown(entry.text))
    console.print(table)


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(shown(text, style), soft_wrap=True)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M:%S}"
