"""A Docker Engine of the stack's own: no network of its own, no firewall rules, all files in its folders."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from deploy.local import probes, shims
from deploy.local.errors import ProgramMissing
from deploy.local.process import Command, Process
from deploy.local.records import FolderRecord
from deploy.local.state import State

NAME = "dockerd"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS_TO_START = 60.0
SECONDS_TO_END = 25.0
REMEDY = (
    "start a Docker Engine and set DOCKER_HOST, or install the Debian package docker.io and run as root, "
    "which `make setup` does where it can"
)


def is_possible() -> bool:
    """Whether this user may run dockerd and has it."""
    return os.geteuid() == 0 and find_program() is not None


def find_program() -> str | None:
    return shutil.which(NAME, path=SYSTEM_PATH)


@contextlib.asynccontextmanager
async def serve(state: State) -> AsyncIterator[tuple[str, Process]]:
    """Run it for the block; gives its address and its process. Raises ProgramMissing or NotReady."""
    if not is_possible():
        raise ProgramMissing("Docker Engine", REMEDY)
    with _run_folder(state) as run, _data_folder(state) as data:
        process = Process(state, _command(run, data))
        try:
            await start(process, run)
            yield f"unix://{run}/docker.sock", process
        finally:
            await process.stop()
            shims.end_below(run)


async def start(process: Process, run: Path) -> None:
    """Start the engine, again if need be, and return once it answers a ping."""
    process.start()
    await process.wait_ready(probes.http("http://docker/_ping", socket=run / "docker.sock"), SECONDS_TO_START)


@contextlib.contextmanager
def _run_folder(state: State) -> Iterator[Path]:
    """Sockets go to a short path: the kernel takes no more than 107 characters."""
    run = Path(tempfile.mkdtemp(prefix="poolmedic-docker-")).resolve()
    record = state.records.write(FolderRecord(name="docker-run", folder=run))
    try:
        yield run
    finally:
        shutil.rmtree(run)
        record.unlink()


@contextlib.contextmanager
def _data_folder(state: State) -> Iterator[Path]:
    data = state.folder / "docker"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    try:
        yield data
    finally:
        shims.unmount_below(data)
        shutil.rmtree(data)


def _command(run: Path, data: Path) -> Command:
    line: list[str | Path] = [find_program() or NAME, "--host", f"unix://{run}/docker.sock"]
    line += ["--pidfile", run / "pid", "--data-root", data, "--exec-root", run / "exec"]
    line += ["--shutdown-timeout", "5"]
    # Containers use the host's network, so the machine's firewall and bridges stay as they are.
    line += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--log-level", "warn"]
    return Command(name=NAME, arguments=line, environment={"PATH": SYSTEM_PATH}, grace=SECONDS_TO_END)
