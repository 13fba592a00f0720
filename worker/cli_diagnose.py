"""The command that only looks: what an incident would find and do now."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from worker.cli_incidents import Json, Target
from worker.config import Configuration
from worker.errors import Usage
from worker.settings import Settings, load_settings
from worker.terminal import console, visible, write_json
from workflows.ports.requests import Look

if TYPE_CHECKING:
    from worker.examination import Examination

app = typer.Typer()


@app.command()
def diagnose(
    target: Target,
    config: Annotated[
        Path | None,
        typer.Option(
            help="The configuration file.", envvar="POOLMEDIC_CONFIG", show_default="poolmedic.yaml"
        ),
    ] = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="One look, even where only a second one can tell.", envvar="POOLMEDIC_ONCE"
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at a target now, read-only and without Temporal: the cause, what the next step would touch,
    and what each step that may follow it would.

    \b
    Exit code 0: healthy
              3: a cause, and a step that an incident would take
              4: a cause that people have to decide about
              5: a suspicion, which another look has to confirm
              6: the cause cannot be told
              1: it failed; 2: it was asked wrongly
    """
    # Servers and drivers are imported only here: a person who approves does not wait for them.
    from worker.examination_view import describe, render

    found = asyncio.run(_examine(load_settings(config=config), target, once=once))
    if as_json:
        write_json(describe(found))
    else:
        console().print(render(found))
    raise typer.Exit(int(found.found))


async def _examine(settings: Settings, name: str, *, once: bool) -> "Examination":
    from worker.config_file import load_configuration
    from worker.examination import examine
    from worker.logs import start_logging
    from worker.profiles import known_profiles
    from worker.progress import Progress
    from worker.wiring import open_sources

    redaction = start_logging("error", "console")
    configuration = load_configuration(settings.config, profiles=known_profiles(settings), with_secrets=False)
    look = _look(configuration, name, settings)
    progress = Progress(Console(stderr=True, highlight=False, emoji=False, markup=False))
    async with open_sources(settings, configuration, [look.target], redaction) as sources, progress.told():
        return await examine(sources, look, progress, most_looks=1 if once else 2)


def _look(configuration: Configuration, name: str, settings: Settings) -> Look:
    target = configuration.target(name)
    if target is None:
        names = ", ".join(each.name for each in configuration.targets)
        raise Usage(f"{visible(name)[:80]} is not a target of {settings.config}; those are: {names}")
    return Look(
        target=target.plain(), policy=configuration.policy_of(target), alert_name=configuration.alerts[0]
    )
