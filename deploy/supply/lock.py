"""The lock file: what is installed, in which version, and by which digests a download is known."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
_PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package; `marker` says where it is installed, None everywhere."""

    name: str
    version: str
    marker: str | None
    digests: tuple[str, ...]


def read_lock(text: str) -> tuple[Locked, ...]:
    """Every package of the lock in its order; raises ValueError for a line that is none of a lock's."""
    found: list[Locked] = []
    for line in text.splitlines():
        if digests := _DIGEST.findall(line):
            last = found.pop()
            found.append(Locked(last.name, last.version, last.marker, (*last.digests, *digests)))
        elif pinned := _PINNED.match(line):
            found.append(Locked(pinned["name"], pinned["version"], pinned["marker"], ()))
        elif line.strip() and not line.startswith("#"):
            raise ValueError(f"this line of the lock is not understood: {line.strip()[:80]}")
    return tuple(found)


def canonical(name: str) -> str:
    """A package's name as every spelling of it is written."""
    return re.sub(r"[-_.]+", "-", name).lower()
