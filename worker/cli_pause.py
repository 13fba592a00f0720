"""The kill switch: nothing is done to any target, or to one, until somebody says otherwise."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from worker.cli_incidents import By, Json, named
from worker.config import Configuration
from worker.config_file import load_configuration
from worker.databases import Databases, Said
from worker.errors import TemporalUnavailable, Usage
from worker.logs import start_logging
from worker.orders import Heard, Saying, Scope, give
from worker.profiles import known_profiles
from worker.settings import load_settings
from worker.telemetry import new_runtime
from worker.temporal import connect
from worker.terminal import console, shown, visible, write_json
from workflows.ledger import describe, orders
from workflows.models.permit import Order
from workflows.naming import database_id

Target = Annotated[
    str | None,
    typer.Argument(help="Name of the target, as in the configuration.", envvar="POOLMEDIC_TARGET"),
]
Everything = Annotated[
    bool, typer.Option("--all", help="Every target of every database.", envvar="POOLMEDIC_ALL")
]
Config = Annotated[
    Path | None,
    typer.Option(help="The configuration file.", envvar="POOLMEDIC_CONFIG", show_default="poolmedic.yaml"),
]
Why = Annotated[str, typer.Option(help="Why, for the audit.", envvar="POOLMEDIC_WHY")]

_MOST_SHOWN = 3
app = typer.Typer()


@app.command()
def pause(
    by: By,
    why: Why,
    target: Target = None,
    everything: Everything = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Stop every act on a target, or on all of them; incidents go on to look and to call people."""
    scope, queue = _where(target, config, everything=everything)
    _tell(_order(Databases.pause, scope, queue, _read(by, why, target)), target, as_json=as_json)


@app.command()
def resume(
    by: By,
    why: Why,
    target: Target = None,
    everything: Everything = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Allow acts again. What was paused with --all is resumed with --all."""
    scope, queue = _where(target, config, everything=everything)
    _tell(_order(Databases.resume, scope, queue, _read(by, why, target)), target, as_json=as_json)


def _order(say: Saying, scope: Scope, queue: str, order: Order) -> Heard:
    async def ask() -> Heard:
        start_logging("error", "console")
        return await give(await connect(new_runtime()), queue, say, scope, order)

    return asyncio.run(ask())


def _tell(heard: Heard, target: str | None, *, as_json: bool) -> None:
    """Who heard it, then who may not have; raises `TemporalUnavailable` where there is such a one."""
    every = (*heard.said, *heard.beyond)
    if as_json and every:
        write_json({each.database: each.ledger and each.ledger.model_dump(mode="json") for each in every})
    elif not as_json:
        named = [(each, _line(each)) for each in heard.said]
        for each, line in [*named, *((each, _line(each, _beside(target))) for each in heard.beyond)]:
            for told in (line, *_orders(each)):
                console().print(shown(told), soft_wrap=True)
    if heard.missed:
        raise TemporalUnavailable("\n".join(heard.missed))


def _line(said: Said, beside: str = "") -> str:
    told = "; ".join(describe(said.ledger)) if said.ledger else f"Temporal has it; {_unanswered(said)}"
    return f"{said.database}{beside}: {told}."


def _orders(said: Said) -> list[str]:
    """Those before the one that was just given, the newest first."""
    earlier = orders(said.ledger)[1:] if said.ledger else []
    more = [f"  and {len(earlier) - _MOST_SHOWN} more: --json"] if len(earlier) > _MOST_SHOWN else []
    return [f"  before: {each}." for each in earlier[:_MOST_SHOWN]] + more


def _beside(target: str | None) -> str:
    """Why a database is told that the file does not name, or not for this target."""
    if target is None:
        return " (not in the configuration file)"
    return f" (by this name what is open of {target} asks)"


def _unanswered(said: Said) -> str:
    """Why, what holds meanwhile, and what to do where it does not end by itself."""
    if said.unread:
        return said.unread
    told = {
        True: f"no worker of its task queue ({said.queue}) answered in time",
        False: f"no worker takes its task queue ({said.queue})",
        None: "no worker answered",
    }[said.is_polled]
    id = database_id(said.database)  # noqa: A001
    return (
        f"{told}. Until one does, no act is permitted on any target of {said.database}, paused or not; "
        f"`temporal workflow query --workflow-id {id} --type state` asks again. Where the workers take "
        f"another task queue, none ever will: `temporal workflow terminate --workflow-id {id}`, and say it "
        "again with POOLMEDIC_TASK_QUEUE as they have it"
    )


def _read(by: str, why: str, target: str | None) -> Order:
    try:
        return Order(by=named(by), why=why, target=target)
    except ValidationError as error:
        fault = error.errors()[0]
        raise Usage(f"--{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}") from error


def _where(target: str | None, config: Path | None, *, everything: bool) -> tuple[Scope, str]:
    """Whom it concerns, and the task queue of the workflows of databases."""
    settings = load_settings(config=config)
    configuration = load_configuration(settings.config, profiles=known_profiles(settings), with_secrets=False)
    return _scope(configuration, target, everything=everything), settings.task_queue


def _scope(configuration: Configuration, target: str | None, *, everything: bool) -> Scope:
    """One target and its database, or all of them; raises `Usage`."""
    if everything == (target is not None):
        raise Usage("name a target, or say --all for every one of them")
    if target is None:
        databases = sorted({each.database.name for each in configuration.targets})
        return Scope(tuple(databases), tuple(each.name for each in configuration.targets), is_everything=True)
    found = configuration.target(target)
    if found is None:
        names = ", ".join(each.name for each in configuration.targets)
        raise Usage(f"{visible(target)[:80]} is not in the configuration; there are: {names}")
    return Scope((found.database.name,), (target,), is_everything=False)
