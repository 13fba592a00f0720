"""Which process is meant: a pid alone is not enough, because the kernel hands it out again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
BOOT_ID = PROC / "sys" / "kernel" / "random" / "boot_id"
# Fields of /proc/PID/stat counted after the parenthesised name, which may itself hold blanks.
STATE, SESSION, START_TICKS = 0, 3, 19
SECONDS_TO_SETTLE = 5.0
SECONDS_BETWEEN_LOOKS = 0.001


@dataclass(frozen=True)
class Identity:
    """One process of one boot; ``started`` is in clock ticks since that boot."""

    pid: int
    started: int
    command: tuple[str, ...]
    boot: str

    def is_alive(self) -> bool:
        """Whether exactly this process still runs (a zombie has ended)."""
        return identify(self.pid) == self

    def signal(self, number: signal.Signals) -> bool:
        """Send it, to exactly this process; False if it has ended."""
        if not self.is_alive():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False


def identify(pid: int) -> Identity | None:
    """Who has this pid now; None if nobody."""
    fields = _stat(pid)
    if fields is None or fields[STATE] in "ZX":
        return None
    command = command_line(pid)
    return Identity(pid, int(fields[START_TICKS]), command, BOOT_ID.read_text().strip())


def identify_started(pid: int) -> Identity | None:
    """Who was just started with this pid; None if it has ended.

    The kernel tells of the start before it has laid down the arguments and, last, the environment:
    whoever looks in between sees a process without a command, which nobody knows again.
    """
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while identify(pid) is not None and not _read(pid, "environ") and time.monotonic() < deadline:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return identify(pid)


def session_members(session: int) -> list[Identity]:
    """All processes of this session, the leader included."""
    found = []
    for pid in pids():
        fields = _stat(pid)
        if fields is not None and int(fields[SESSION]) == session:
            member = identify(pid)
            if member is not None:
                found.append(member)
    return found


def bearers(variable: str, value: str) -> list[Identity]:
    """All processes that were started with this environment variable, or by one that was."""
    wanted = f"{variable}={value}".encode()
    found = (identify(pid) for pid in pids() if wanted in _read(pid, "environ").split(b"\0"))
    return [process for process in found if process is not None]


def pids() -> Iterator[int]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def command_line(pid: int) -> tuple[str, ...]:
    """Arguments of this process; empty if it has ended."""
    parts = _read(pid, "cmdline").split(b"\0")
    return tuple(part.decode(errors="replace") for part in parts if part)


def _stat(pid: int) -> list[str] | None:
    text = _read(pid, "stat").decode(errors="replace")
    return text.rpartition(")")[2].split() or None


def _read(pid: int, file: str) -> bytes:
    """Empty if the process has ended, or is none of ours."""
    try:
        return (PROC / str(pid) / file).read_bytes()
    except OSError:
        return b""
