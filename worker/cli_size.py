"""What becomes of a temporary pool size, where a person decides it."""

import asyncio
from typing import Annotated

import typer

from worker.cli_incidents import By, Json, Target, checked, named
from worker.errors import Usage
from worker.logs import start_logging
from worker.sizes import say
from worker.telemetry import new_runtime
from worker.temporal import connect
from worker.terminal import console, shown, write_json
from workflows.approval import UnreadableAnswer, read_name
from workflows.models.change import Said, Wish

What = Annotated[
    Wish,
    typer.Argument(help="keep it for good, extend it, or end it now.", envvar="POOLMEDIC_WISH"),
]

app = typer.Typer()


@app.command()
def size(wish: What, target: Target, by: By, as_json: Json = False) -> None:
    """Keep, extend or end the temporary size of a target's pools."""
    name = checked(target)
    try:
        person = read_name((named(by),))
    except UnreadableAnswer as error:
        raise Usage(f"--by: {error}") from error
    said = asyncio.run(_say(name, wish, person))
    if as_json:
        write_json(said.model_dump(mode="json"))
    else:
        console().print(shown(f"{name}: {said.message}."))


async def _say(target: str, wish: Wish, by: str) -> Said:
    start_logging("error", "console")
    return await say(await connect(new_runtime()), target, wish, by)
