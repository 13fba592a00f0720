"""The person who approves: one at the terminal, or a stand-in who reads the page and types the command."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from datetime import UTC, datetime

from deploy.demo.configuration import APPROVER
from deploy.demo.drill import Drill
from deploy.demo.narration import Narrator, Way
from deploy.demo.stage import Stage
from deploy.local.errors import StackError
from deploy.local.receiver import Message
from deploy.local.temporal import find_program
from workflows.models.approval import Request

SECONDS_FOR_THE_PAGE = 10.0
SECONDS_TO_SIGNAL = 20.0
COMMAND = re.compile(r"temporal workflow signal --workflow-id (\S+) --name (approve) --input '(\{.*?\})'")


class SignalRefused(StackError):
    """The temporal command line did not deliver the approval; the message holds what it said."""


def ways(stage: Stage, request: Request) -> tuple[Way, ...]:
    """The three ways to approve, ready to be copied into another terminal."""
    address = f"TEMPORAL_ADDRESS={stage.stack.temporal.address}"
    payload = json.dumps({"request": request.id, "by": APPROVER})
    signal = f"workflow signal --workflow-id {stage.workflow_id} --name approve --input '{payload}'"
    link = f"{stage.stack.temporal.ui}/namespaces/default/workflows/{stage.workflow_id.replace('/', '%2F')}"
    return (
        Way(
            "poolmedic",
            f"{address} .venv/bin/poolmedic approve {stage.target} {request.id} --by {APPROVER}",
        ),
        Way("temporal", f"{address} .venv/bin/temporal {signal}"),
        Way("Temporal UI", f"{link}  (Send a Signal: approve, JSON input {payload})"),
    )


class AtTerminal:
    """A person who watches: shown the ways, then waited for."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator

    async def decide(self, drill: Drill, request: Request) -> None:
        self._narrator.offer(ways(drill.stage, request))


class StandIn:
    """Nobody watches: reads the page that the on-call engineer got, and types the command it names."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator

    async def decide(self, drill: Drill, request: Request) -> None:
        """Raises TimeoutError if no page came, SignalRefused if the command failed."""
        self._narrator.offer(ways(drill.stage, request))
        line = await _read_page(drill, request)
        drill.approved_at[request.option] = datetime.now(UTC)
        self._narrator.say(f"Nobody is at the terminal; as a person would: {shlex.join(line)}")
        await _run(str(find_program()), [*line[1:], "--address", drill.stage.stack.temporal.address])


async def _read_page(drill: Drill, request: Request) -> list[str]:
    """The command that the page asks for, with a name put in."""
    page = await drill.stage.stack.receiver.wait_for(
        lambda message: message.at > drill.fault_at and request.id in text_of(message), SECONDS_FOR_THE_PAGE
    )
    found = COMMAND.search(text_of(page))
    if found is None:
        raise SignalRefused(f"the page does not say how to approve: {text_of(page)}")
    workflow_id, name, payload = found.groups()
    answer = json.dumps({**json.loads(payload), "by": APPROVER})
    line = ["temporal", "workflow", "signal", "--workflow-id", workflow_id, "--name", name]
    return [*line, "--input", answer]


def text_of(message: Message) -> str:
    """The text of a page, as Apprise posts it."""
    return str(message.body.get("message", "")) if isinstance(message.body, dict) else ""


async def _run(program: str, arguments: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(SECONDS_TO_SIGNAL):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise SignalRefused(
            f"temporal ended with {process.returncode}: {said.decode(errors='replace').strip()}"
        )
