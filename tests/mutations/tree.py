"""A copy of the project to break things in: the working tree is never touched."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.mutation import Mutation

ENVIRONMENTS = (".venv", ".venv-target")
"""Linked, not copied: what setup made."""


def copy_tree(root: Path, to: Path) -> None:
    """What git knows, as it stands in the working tree, and what it would take in."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to / name)
    for name in ENVIRONMENTS:
        if (root / name).exists():
            (to / name).symlink_to((root / name).resolve())


class Tree:
    """A tree that is broken in one place at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._changes = 0

    @contextmanager
    def broken(self, mutation: Mutation) -> Iterator[None]:
        """With this bug in it, and afterwards as before; raises Misplaced."""
        file = self.folder / mutation.file
        sound, before = file.read_text(), file.stat()
        self._changes += 1
        # Python knows a compiled module by the size and the second of its source: no two may share both.
        try:
            file.write_text(mutation.applied_to(sound))
            os.utime(file, (before.st_atime, before.st_mtime + self._changes))
            yield
        finally:
            file.write_text(sound)
            os.utime(file, (before.st_atime, before.st_mtime))
