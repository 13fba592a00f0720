"""The folder of one running stack: its lock, logs, secrets, ports and the record of what it started."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import TextIO

from deploy.local.errors import StackInUse
from deploy.local.ports import PortReservations
from deploy.local.records import Records

SECRET_BYTES = 24
SECONDS_BETWEEN_TRIES = 0.05


class State:
    """Everything a component needs to run; nothing in it outlives the stack but logs and data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.logs = self.folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.records = Records(self.folder / "records")
        self._ports = PortReservations()

    def port(self, name: str) -> int:
        """A free port on 127.0.0.1, the same for the same name; raises NoFreePort."""
        return self._ports.port(name)

    def directory(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def fresh_directory(self, name: str) -> Path:
        """The same, empty: what an earlier run left in it would be news to nobody, or be taken for news."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return self.directory(name)

    def secret(self, name: str) -> str:
        """A random password or token, kept in a file that only this user can read."""
        path = self.secret_file(name)
        return path.read_text()

    def secret_file(self, name: str) -> Path:
        path = self.directory("secrets") / name
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(SECRET_BYTES))
        return path

    def close(self) -> None:
        self._ports.release()


def lock(folder: Path, holder: str, patience: float = 0) -> TextIO:
    """Hold the folder for this process, waiting up to ``patience`` seconds; raises StackInUse."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a+")
    give_up = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                file.close()
                raise StackInUse(folder) from None
            time.sleep(SECONDS_BETWEEN_TRIES)
        else:
            file.truncate(0)
            file.write(f"{holder} {os.getpid()}\n")
            file.flush()
            return file


def last_holder(folder: Path) -> str:
    """Who last locked the folder, empty if nobody did."""
    file = folder / "lock"
    return file.read_text().partition(" ")[0] if file.exists() else ""
