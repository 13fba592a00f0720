"""Commands for people: what is going on, and what they decide."""

import asyncio
import dataclasses
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.table import Table

from worker.errors import Usage
from worker.incidents import Incident, Incidents
from worker.logs import start_logging
from worker.report_view import render
from worker.telemetry import new_runtime
from worker.temporal import connect
from worker.terminal import console, shown, visible, write_json
from workflows.approval import UnreadableAnswer, read_name
from workflows.models.approval import Answer, Decision

Target = Annotated[
    str, typer.Argument(help="Name of the target, as in the configuration.", envvar="POOLMEDIC_TARGET")
]
RequestId = Annotated[
    str, typer.Argument(help="Id of the request, as it was told.", envvar="POOLMEDIC_REQUEST")
]
By = Annotated[str, typer.Option(help="Your name: it is written into the audit.", envvar="POOLMEDIC_BY")]
Reason = Annotated[str, typer.Option(help="Why, for the audit.", envvar="POOLMEDIC_REASON")]
Json = Annotated[bool, typer.Option("--json", help="For machines.", envvar="POOLMEDIC_JSON")]

app = typer.Typer()


@app.command()
def incidents(
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="At most so many.", envvar="POOLMEDIC_LIMIT")
    ] = 20,
    only_open: Annotated[
        bool, typer.Option("--open", help="Only open ones.", envvar="POOLMEDIC_OPEN")
    ] = False,
    as_json: Json = False,
) -> None:
    """List incidents, the newest first."""
    found = _ask(lambda incidents: incidents.latest(limit, only_open=only_open))
    if as_json:
        write_json([dataclasses.asdict(incident) for incident in found])
    elif found:
        console().print(_table(found))
    else:
        console().print("No incident is open." if only_open else "There has been no incident.")


@app.command()
def show(
    target: Target,
    run: Annotated[
        str | None, typer.Option(help="An earlier run, by its id.", envvar="POOLMEDIC_RUN")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a target's incident as it stands: causes, acts, decisions, timeline."""
    name = checked(target)
    report = _ask(lambda incidents: incidents.report(name, run))
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        console().print(render(report))


@app.command()
def acknowledge(target: Target, by: By, as_json: Json = False) -> None:
    """Say that you have a target's incident in hand; stops the page for want of an acknowledgement."""
    name = checked(target)
    try:
        person = read_name((named(by),))
    except UnreadableAnswer as error:
        raise Usage(f"--by: {error}") from error
    _ask(lambda incidents: incidents.acknowledge(name, person))
    if as_json:
        write_json({"target": name, "acknowledged_by": person})
    else:
        console().print(shown(f"Told the incident of {name} that {person} has it in hand."))


@app.command()
def approve(
    target: Target, request_id: RequestId, by: By, reason: Reason = "", as_json: Json = False
) -> None:
    """Approve what an incident asks for."""
    _decide(target, Answer(request=request_id, approve=True, by=named(by), reason=reason), as_json=as_json)


@app.command()
def reject(target: Target, request_id: RequestId, by: By, reason: Reason = "", as_json: Json = False) -> None:
    """Refuse what an incident asks for."""
    _decide(target, Answer(request=request_id, approve=False, by=named(by), reason=reason), as_json=as_json)


def _decide(target: str, answer: Answer, *, as_json: bool) -> None:
    name = checked(target)
    decision: Decision = _ask(lambda incidents: incidents.decide(name, answer))
    if as_json:
        write_json(decision.model_dump(mode="json"))
    else:
        console().print(shown(f"{name}: {decision.message}."))


def _ask[T](question: Callable[[Incidents], Awaitable[T]]) -> T:
    async def ask() -> T:
        start_logging("error", "console")
        return await question(Incidents(await connect(new_runtime())))

    return asyncio.run(ask())


def checked(target: str) -> str:
    """The name, if one can be called so; raises `Usage`."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", target):
        raise Usage(
            f"{visible(target)[:80]} cannot be a target's name; see `poolmedic incidents` for those there are"
        )
    return target


def named(by: str) -> str:
    """The name without spaces around it; raises `Usage` where there is none."""
    if not by.strip():
        raise Usage("--by is empty; give your name, it is written into the audit")
    return by.strip()


def _table(found: list[Incident]) -> Table:
    table = Table("target", "status", "opened", "closed", "cause", "outcome", "run", box=None)
    for one in found:
        closed = f"{one.closed.astimezone():%Y-%m-%d %H:%M:%S}" if one.closed else ""
        opened = f"{one.opened.astimezone():%Y-%m-%d %H:%M:%S}"
        row = (one.target, one.status, opened, closed, one.cause or "", one.outcome or "", one.run_id)
        table.add_row(*(shown(value) for value in row))
    return table
