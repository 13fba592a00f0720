"""What can go wrong while the local stack starts or ends.

StackError
 ├─ ProgramMissing
 ├─ StackInUse
 ├─ NoFreePort
 ├─ NotReady
 │   └─ EndedEarly
 └─ Survived
"""

from __future__ import annotations

from pathlib import Path
from typing import override


class StackError(Exception):
    """The local stack could not do what it was asked; the message says what to do about it."""


class ProgramMissing(StackError):
    """A program is not installed. Run `make setup`, or install what the message names."""

    def __init__(self, program: str, remedy: str) -> None:
        super().__init__(f"{program} was not found: {remedy}")


class StackInUse(StackError):
    """Another process runs a stack in this folder. End it, or choose another folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"a stack is already running in {folder}: end it first, or choose another folder")


class NoFreePort(StackError):
    """No TCP port on 127.0.0.1 could be had. Something on this machine holds thousands of them."""

    @override
    def __str__(self) -> str:
        return "no free TCP port was found on 127.0.0.1: look at what holds them with `ss -ltn`"


class NotReady(StackError):
    """A process is alive but did not answer as it must within its time. Its log says why."""

    def __init__(self, name: str, seconds: float, reason: str, log_tail: str) -> None:
        super().__init__(
            f"{name} was not ready within {seconds:.0f} s ({reason}); its log ends with:\n{log_tail}"
        )


class EndedEarly(NotReady):
    """A process ended before it was ready. Its log says why."""

    def __init__(self, name: str, code: int, log_tail: str) -> None:
        StackError.__init__(
            self, f"{name} ended with {code} before it was ready; its log ends with:\n{log_tail}"
        )


class Survived(StackError):
    """A process is still there after SIGKILL and its time. Look at it with `ps`."""

    def __init__(self, name: str, pid: int) -> None:
        super().__init__(f"{name} (pid {pid}) is still there after SIGKILL: look at it with `ps -fp {pid}`")
