"""Commands that tell what happened: while an incident runs, and once its report is stored."""

import asyncio
import json
import re
from typing import Annotated

import typer

from activities.report_names import Format
from worker.cli_incidents import Json, Target, checked
from worker.errors import NoReport, Usage
from worker.follower import follow
from worker.follower_view import show_news, write_news
from worker.incidents import Incidents
from worker.logs import start_logging
from worker.settings import load_settings
from worker.telemetry import new_runtime
from worker.temporal import connect
from worker.terminal import console, visible, write_json
from workflows.errors import PoolmedicError

app = typer.Typer()


@app.command()
def watch(target: Target, as_json: Json = False) -> None:
    """Follow a target's open incident: every step as it comes, until the incident has ended."""
    name = checked(target)

    async def look_on() -> None:
        start_logging("error", "console")
        news = follow(Incidents(await connect(new_runtime())), name)
        await (write_news(news) if as_json else show_news(news, name, console()))

    asyncio.run(look_on())


@app.command()
def report(
    target: Target,
    run: Annotated[
        str | None, typer.Option(help="Of an earlier run, by its id.", envvar="POOLMEDIC_RUN")
    ] = None,
    style: Annotated[
        Format, typer.Option("--format", help="As people or machines read it.", envvar="POOLMEDIC_FORMAT")
    ] = Format.MARKDOWN,
    reports: Annotated[
        str | None,
        typer.Option(
            help="Where reports are kept: a folder or a URL.",
            envvar="POOLMEDIC_REPORTS",
            show_default="var/reports",
        ),
    ] = None,
) -> None:
    """Print the stored report of a target's last incident, or of an earlier run; asks Temporal nothing."""
    name, address = checked(target), load_settings(reports=reports).reports
    start_logging("error", "console")
    text = _find(name, _run_id(run), style, address)
    if style is Format.JSON:
        write_json(json.loads(text))
    else:
        typer.echo("\n".join(visible(line) for line in text.split("\n")), nl=False)


def _find(target: str, run: str | None, style: Format, address: str) -> str:
    # Storages are imported only here: a person who approves does not wait for them.
    from activities.kept_reports import KeptReports
    from activities.report_store import open_store

    try:
        store = open_store(address)
        text = KeptReports(store).find(target, run, style)
    except PoolmedicError as error:
        raise NoReport(error.message) from error
    if text is None:
        which = f"run {run} of {target}" if run else target
        raise NoReport(
            f"no report of {which} is stored at {store.url} as {style}; one is written when an incident has "
            f"recovered, and POOLMEDIC_REPORTS must say here what it says to the worker"
        )
    return text


def _run_id(run: str | None) -> str | None:
    if run is not None and not re.fullmatch(r"[0-9A-Za-z-]{8,64}", run):
        raise Usage(f"{visible(run)[:80]} is no run id; see `poolmedic incidents`")
    return run
