"""A real HTTP receiver for notifications, in a process of its own, that keeps what it got."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from deploy.local import probes
from deploy.local.ports import LOOPBACK
from deploy.local.process import Command, Process
from deploy.local.state import State

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_START = 30.0


class Message(BaseModel, frozen=True):
    """One document: when it came, to which path, and the document itself."""

    at: datetime
    path: str
    body: Any


MESSAGE = TypeAdapter(Message)


@dataclass(frozen=True)
class Receiver:
    """``url`` takes POSTs on any path; the messages outlive the process in ``file``."""

    process: Process
    url: str
    file: Path

    def apprise_url(self, path: str) -> str:
        """What Apprise calls this receiver; the route's name is the path."""
        return f"{self.url.replace('http', 'json', 1)}/{path}"

    def messages(self, path: str | None = None) -> list[Message]:
        """All so far, or those to one path, oldest first."""
        if not self.file.exists():
            return []
        lines = self.file.read_bytes().splitlines(keepends=True)
        found = [MESSAGE.validate_json(line) for line in lines if line.endswith(b"\n")]
        return [message for message in found if path in (None, message.path)]

    async def wait_for(self, wanted: Callable[[Message], bool], within: float) -> Message:
        """The first message that is wanted, now or within some seconds; raises TimeoutError."""

        async def ask() -> str | None:
            return None if any(map(wanted, self.messages())) else "no such message yet"

        if await probes.until(ask, within) is not None:
            raise TimeoutError(f"no such message within {within:.0f} s, only {self.messages()}")
        return next(filter(wanted, self.messages()))


@contextlib.asynccontextmanager
async def serve(state: State, name: str = "receiver") -> AsyncIterator[Receiver]:
    """Run it until the block ends; raises StackError if it does not come up."""
    port = state.port(name)
    file = state.fresh_directory(name) / "messages.jsonl"
    line: list[str | Path] = [sys.executable, "-m", "deploy.local.receiver_app", str(port), file]
    process = Process(state, Command(name=name, arguments=line, directory=ROOT))
    receiver = Receiver(process, f"http://{LOOPBACK}:{port}", file)
    try:
        await start(receiver)
        yield receiver
    finally:
        await process.stop()


async def start(receiver: Receiver) -> None:
    """Start the process, again if need be, and return once it answers."""
    receiver.process.start()
    await receiver.process.wait_ready(probes.http(f"{receiver.url}/messages"), SECONDS_TO_START)
