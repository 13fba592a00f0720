"""Says what set-up is doing, and runs its commands with their output kept in a log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LINES_SHOWN_ON_FAILURE = 15


class SetupError(Exception):
    """Something is missing that set-up cannot provide; the message is one sentence that says what to do."""


class CommandFailed(SetupError):
    """A command of set-up ended with an error; its last lines and the path of its log are in the message."""


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what begins and, once it is over, how long it took in seconds."""
    print(f"{what} ...", flush=True)
    started = time.monotonic()
    yield
    print(f"  done in {time.monotonic() - started:.0f} s", flush=True)


def run(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run to the end with output appended to ``log``; raises CommandFailed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        start_of_output = output.tell()
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                check=False,
            )
        except OSError as exc:
            raise CommandFailed(f"{command[0]} could not be started: {exc}") from exc
    if done.returncode != 0:
        said = log.read_bytes()[start_of_output:].decode(errors="replace").splitlines()
        tail = "\n".join(f"  | {line}" for line in said[-LINES_SHOWN_ON_FAILURE:])
        raise CommandFailed(f"{' '.join(command[:3])} ended with {done.returncode} (log: {log}):\n{tail}")


def warn(text: str) -> None:
    """A sentence for the person at the terminal that is no reason to stop."""
    print(text, file=sys.stderr, flush=True)
