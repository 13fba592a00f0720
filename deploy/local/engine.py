"""A Docker Engine: the user's where one answers, else a private one that lives as long as the stack."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import docker

from deploy.local import private_engine
from deploy.local.containers import LABEL, remove_labelled
from deploy.local.errors import ProgramMissing
from deploy.local.process import Process
from deploy.local.records import ContainersRecord
from deploy.local.state import State
from deploy.setup import engine as ping

SECONDS_TO_ANSWER = 30


@dataclass(frozen=True)
class Event:
    """Something the engine says happened to a container: start, die, restart, kill, exec_start, ..."""

    at: float
    action: str
    container: str


@dataclass(frozen=True)
class Engine:
    """``address`` is what DOCKER_HOST would be; ``process`` is there if the engine is our own."""

    address: str
    stack: str
    process: Process | None = None

    @property
    def label(self) -> str:
        """Marks every container of this stack, and nobody else's."""
        return f"{LABEL}={self.stack}"

    @contextlib.contextmanager
    def client(self) -> Iterator[docker.DockerClient]:
        """A client for the block; calls block, so use it in a thread."""
        with contextlib.closing(
            docker.DockerClient(base_url=self.address, timeout=SECONDS_TO_ANSWER)
        ) as client:
            yield client

    def events(self, container: str, since: datetime, until: datetime) -> list[Event]:
        """What happened to this container between two times, both past, oldest first."""
        wanted = {"container": container, "type": "container"}
        first, last = since.timestamp(), until.timestamp()
        with self.client() as client:
            # The engine counts in whole seconds.
            stream = client.events(since=int(first), until=ceil(last), filters=wanted, decode=True)
            found = [_event(raw) for raw in stream]
            stream.close()
        return [event for event in found if first <= event.at <= last]


@contextlib.asynccontextmanager
async def serve(state: State, stack: str) -> AsyncIterator[Engine]:
    """An engine for the block; its containers with our label are removed at the end.

    Raises ProgramMissing where there is neither an engine nor the right to start one.
    """
    address = await asyncio.to_thread(find_users_engine)
    if address is not None:
        async with _borrowed(state, Engine(address, stack)) as engine:
            yield engine
        return
    async with private_engine.serve(state) as (address, process):
        engine = Engine(address, stack, process)
        try:
            yield engine
        finally:
            await asyncio.to_thread(remove_labelled, engine.address, engine.label)


def find_users_engine() -> str | None:
    """Address of the engine that DOCKER_HOST or the default socket leads to; None if none answers."""
    address = os.environ.get("DOCKER_HOST") or ping.DEFAULT
    return address if ping.answers(address) else None


def ensure_available() -> None:
    """Raises ProgramMissing unless ``serve`` can work here."""
    if find_users_engine() is None and not private_engine.is_possible():
        raise ProgramMissing("Docker Engine", private_engine.REMEDY)


@contextlib.asynccontextmanager
async def _borrowed(state: State, engine: Engine) -> AsyncIterator[Engine]:
    record = state.records.write(
        ContainersRecord(name="containers", engine=engine.address, label=engine.label)
    )
    try:
        yield engine
    finally:
        await asyncio.to_thread(remove_labelled, engine.address, engine.label)
        record.unlink()


def _event(raw: dict[str, Any]) -> Event:
    name = raw["Actor"]["Attributes"]["name"]
    return Event(at=raw["timeNano"] / 1e9, action=raw["Action"], container=name)
