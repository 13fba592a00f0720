"""Ends what a private Docker Engine leaves when it dies: container shims, their containers and mounts.

A container outlives its engine by design. Its shim names the engine's own socket on its command
line, so the shims of one state folder can be told from every other engine's on this machine.
"""

from __future__ import annotations

import itertools
import signal
import subprocess
from pathlib import Path

from deploy.local import identity

MOUNTS = Path("/proc/self/mountinfo")
MOUNT_POINT = 4


def end_below(folder: Path) -> None:
    """End every shim whose engine lives below ``folder``, its containers first, and undo their mounts."""
    for pid in identity.pids():
        if _is_shim_of(folder, identity.command_line(pid)):
            _end_with_children(pid)
    unmount_below(folder)


def unmount_below(folder: Path) -> None:
    """Undo every mount below ``folder``, innermost first, so that it can be removed."""
    for mount in reversed(_mounts_below(folder)):
        subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)


def _is_shim_of(folder: Path, command: tuple[str, ...]) -> bool:
    if not command or not Path(command[0]).name.startswith("containerd-shim"):
        return False
    options = dict(itertools.pairwise(command))
    address = options.get("-address")
    return address is not None and Path(address).is_relative_to(folder)


def _end_with_children(shim: int) -> None:
    for pid in [*_children(shim), shim]:
        process = identity.identify(pid)
        if process is not None:
            process.signal(signal.SIGKILL)


def _children(parent: int) -> list[int]:
    found: list[int] = []
    for task in (identity.PROC / str(parent) / "task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def _mounts_below(folder: Path) -> list[str]:
    points = [line.split()[MOUNT_POINT] for line in MOUNTS.read_text().splitlines()]
    return [point for point in points if Path(point).is_relative_to(folder)]
