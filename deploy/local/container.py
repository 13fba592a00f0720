"""The target application's container: a Python program of this machine, in a container of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount

from deploy.local import image, probes
from deploy.local.containers import LABEL
from deploy.local.engine import Engine
from deploy.local.errors import EndedEarly, NotReady, StackError
from deploy.local.state import State

SOURCE = Path("/srv")
SECONDS_TO_START = 30.0
LINES_OF_LOG = 30
RESTARTS_ALLOWED = 2


class ContainerRefused(StackError):
    """The engine did not run the container; often one of that name, not ours, is there already."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A package to run as ``python -m MODULE``; ``package`` is its folder, ``python`` its environment's."""

    name: str
    package: Path
    python: Path
    environment: Mapping[str, str]
    health: str
    arguments: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    restart_policy: Literal["always", "on-failure"] = "on-failure"


@dataclass(frozen=True)
class Container:
    """A running container and the address of its health page."""

    name: str
    id: str
    health: str


@contextlib.asynccontextmanager
async def run(state: State, engine: Engine, program: Program) -> AsyncIterator[Container]:
    """Run it for the block, from the moment its health page answers; its log is kept.

    Raises ContainerRefused, or EndedEarly or NotReady with the end of that log.
    """
    try:
        identifier = await asyncio.to_thread(_create, engine, program)
    except DockerException as exc:
        raise ContainerRefused(f"the engine at {engine.address} refused {program.name}: {exc}") from exc
    try:
        await _wait_ready(engine, program, identifier)
        yield Container(program.name, identifier, program.health)
    finally:
        await asyncio.to_thread(_remove, engine, identifier, state.logs / f"{program.name}.log")


def _create(engine: Engine, program: Program) -> str:
    with engine.client() as client:
        image.ensure(client)
        container = client.containers.run(
            image.NAME,
            name=program.name,
            command=[str(program.python), "-m", program.package.name, *program.arguments],
            detach=True,
            user=f"{os.geteuid()}:{os.getegid()}",
            environment={**_environment(), **program.environment},
            labels={LABEL: engine.stack, **program.labels},
            mounts=[*map(_read_only, _host_paths(program)), _package_mount(program)],
            network_mode="host",
            working_dir=str(SOURCE),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            restart_policy={"Name": program.restart_policy},
        )
        return str(container.id)


def _environment() -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",  # noqa: S108  the container's own
        "PYTHONPATH": str(SOURCE),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _host_paths(program: Program) -> list[Path]:
    environment = program.python.parent.parent
    return [*image.host_folders(), environment, *_interpreter_folders(program.python)]


def _interpreter_folders(python: Path) -> list[Path]:
    """Every folder that the links from ``python`` lead through, except what /usr has anyway."""
    folders: list[Path] = []
    step = python
    while step.is_symlink():
        step = step.parent / step.readlink()
        folders.append(step.parent.parent)
    folders.append(python.resolve().parent.parent)
    own = python.parent.parent
    wanted = {folder for folder in folders if not folder.is_relative_to("/usr")}
    return sorted(folder for folder in wanted if folder not in {own, Path("/")})


def _read_only(path: Path) -> Mount:
    return Mount(target=str(path), source=str(path), type="bind", read_only=True)


def _package_mount(program: Program) -> Mount:
    target = SOURCE / program.package.name
    return Mount(target=str(target), source=str(program.package.resolve()), type="bind", read_only=True)


async def _wait_ready(engine: Engine, program: Program, identifier: str) -> None:
    answers = probes.http(program.health)

    async def ask() -> str | None:
        reason = await answers()
        if reason is not None:
            await asyncio.to_thread(_expect_alive, engine, identifier, program.name)
        return reason

    reason = await probes.until(ask, SECONDS_TO_START)
    if reason is not None:
        tail = await asyncio.to_thread(_read_log, engine, identifier)
        raise NotReady(program.name, SECONDS_TO_START, reason, tail)


def _expect_alive(engine: Engine, identifier: str, name: str) -> None:
    """A restart or two may be the database coming up; more are a program that cannot run."""
    with engine.client() as client:
        seen = client.containers.get(identifier).attrs
    if seen["State"]["Status"] == "exited" or seen["RestartCount"] > RESTARTS_ALLOWED:
        raise EndedEarly(name, int(seen["State"]["ExitCode"]), _read_log(engine, identifier))


def _read_log(engine: Engine, identifier: str) -> str:
    with engine.client() as client:
        return client.containers.get(identifier).logs(tail=LINES_OF_LOG).decode(errors="replace")


def _remove(engine: Engine, identifier: str, log: Path) -> None:
    with engine.client() as client, contextlib.suppress(NotFound):
        container = client.containers.get(identifier)
        with contextlib.suppress(APIError):
            log.write_bytes(container.logs(timestamps=True))
        container.remove(force=True, v=True)
