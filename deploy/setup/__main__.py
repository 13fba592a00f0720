"""Makes a fresh machine able to run the project: ``python3 -m deploy.setup``, any Python from 3.9 on.

Runs before anything is installed, so it uses the standard library alone. A second run finds
everything in place, needs no network and takes well under a second.
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.setup import debian, progress
from deploy.setup.environment import Environment

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "setup"


def main() -> int:
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            complete(sys.argv[1:])
        except progress.SetupError as exc:
            progress.warn(f"setup: {exc}")
            return 1
    return 0


def complete(beside: Sequence[str] = ()) -> None:
    """Bring everything that is missing or out of date, and these packages too; raises SetupError."""
    for environment in environments():
        if not environment.is_current():
            environment.complete(VAR / "packages.log")
    packages = debian.missing_packages(beside)
    if packages:
        debian.install(packages, VAR / "debian.log")


def environments() -> list[Environment]:
    """The project's own environment, and the drill application's, which shares nothing with it."""
    return [
        Environment(ROOT / ".venv", ROOT / "requirements.lock", project=ROOT),
        Environment(ROOT / ".venv-target", ROOT / "deploy" / "target" / "requirements.lock", compiled=True),
    ]


if __name__ == "__main__":
    sys.exit(main())
