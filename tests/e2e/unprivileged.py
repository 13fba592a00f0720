"""Programs run as a user who may do nothing: not root, in no group, without a capability or a way to one."""

import os
import pwd
import shlex
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.cli_stand import ROOT

NOBODY = "nobody"
_ASIDE = "/mnt"
_DROP = ("setpriv", "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all")


def prefix(*folders: Path) -> list[str]:
    """What comes before a program and its arguments; it can reach itself, our sources and these folders.

    Where the tests run as root, folders that only root may enter, such as its home, are open to the program
    in a mount namespace of its own. Where they do not, the program is as unprivileged as the tests are.
    """
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(NOBODY)
    who = f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}"
    if not (opened := _opened({ROOT, *_own(), *folders})):
        return [*_DROP, *who]
    script = "\n".join(["set -e", *opened, 'exec "$@"'])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", *_DROP, *who]


def give(folder: Path) -> None:
    """Let that user write there, and read what is there."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(NOBODY)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def _own() -> set[Path]:
    """Where this interpreter and its packages are, by every name that leads there."""
    named = [Path(sys.prefix), Path(sys.base_prefix)]
    return {path for each in named for path in (each, each.resolve())}


def _opened(wanted: Iterable[Path]) -> list[str]:
    """Commands of a shell that show these folders at their places, whoever may enter those above."""
    closed = {path: _closed_above(path) for path in sorted(wanted)}
    hidden = [(f"{_ASIDE}/{number}", path) for number, path in enumerate(closed) if closed[path]]
    if not hidden:
        return []
    return [
        f"mount -t tmpfs none {_ASIDE}",
        *(f"mkdir {aside} && mount --bind {shlex.quote(str(path))} {aside}" for aside, path in hidden),
        *(f"mount -t tmpfs -o mode=755 none {shlex.quote(str(top))}" for top in set(closed.values()) if top),
        *(
            f"mkdir -p {shlex.quote(str(path))} && mount --bind {aside} {shlex.quote(str(path))}"
            for aside, path in hidden
        ),
    ]


def _closed_above(path: Path) -> Path | None:
    """The first folder on the way that others may not enter."""
    return next((each for each in reversed(path.parents) if not each.stat().st_mode & stat.S_IXOTH), None)
