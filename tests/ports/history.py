"""A real Prometheus that holds a past of our making, instead of one we would have to wait for."""

import asyncio
import contextlib
import itertools
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path

from deploy.local import probes
from deploy.local.process import Command, Process
from deploy.local.prometheus import find_program
from deploy.local.state import State

type Points = Iterable[tuple[float, float]]
"""Time of the scrape in seconds since the epoch, value; in order of time."""

SECONDS_TO_START = 60.0
NO_SCRAPES = "global:\n  scrape_interval: 1h\n  evaluation_interval: 1s\n"
_number = itertools.count(1)


class History:
    """Series to put into Prometheus."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, metric: str, labels: Mapping[str, str], points: Points) -> None:
        """One series; metric and labels as Prometheus would have stored them."""
        told = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
        self._lines += [f"{metric}{{{told}}} {value!r} {at!r}" for at, value in points]

    def text(self) -> str:
        """OpenMetrics."""
        return "\n".join([*self._lines, "# EOF\n"])


@contextlib.asynccontextmanager
async def serve(state: State, history: History, rules: Path | None = None) -> AsyncIterator[str]:
    """Address of a Prometheus with that past, which scrapes nothing and evaluates `rules` every second."""
    name = f"past-{next(_number)}"
    folder = state.directory(name)
    await asyncio.to_thread(_store, history, folder)
    listed = "" if rules is None else f"rule_files: ['{rules}']\n"
    (folder / "prometheus.yml").write_text(NO_SCRAPES + listed)
    address = f"127.0.0.1:{state.port(name)}"
    process = Process(state, Command(name=name, arguments=_command(folder, address)))
    try:
        process.start()
        await process.wait_ready(probes.http(f"http://{address}/-/ready"), SECONDS_TO_START)
        yield f"http://{address}"
    finally:
        await process.stop()


def _store(history: History, folder: Path) -> None:
    (folder / "history.txt").write_text(history.text())
    subprocess.run(
        [find_program("promtool"), "tsdb", "create-blocks-from", "openmetrics", "history.txt", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=SECONDS_TO_START,
    )


def _command(folder: Path, address: str) -> list[str | Path]:
    line = [find_program("prometheus"), f"--config.file={folder / 'prometheus.yml'}"]
    line += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    return [*line, "--storage.tsdb.retention.time=10y", "--log.level=warn"]


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
