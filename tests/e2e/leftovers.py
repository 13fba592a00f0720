"""Looks from outside at what a stack has running, and at what it left."""

import re
from collections.abc import Iterable
from pathlib import Path

from deploy.local import identity
from deploy.local.identity import Identity
from deploy.local.records import FolderRecord, ProcessRecord, Record, Records

LISTENING = "0A"
LOOPBACK = ("0100007F", "00000000000000000000000001000000")


def recorded(folder: Path) -> list[Record]:
    records = Records(folder / "records")
    return [records.read(path) for path in records.files()]


def borrowed_folders(folder: Path) -> list[Path]:
    """Folders outside the state folder that its components use."""
    return [record.folder for record in recorded(folder) if isinstance(record, FolderRecord)]


def running(folder: Path) -> list[Identity]:
    """Every process of the stack: those recorded, what names one of its folders, and all their children."""
    own = {record.identity.pid for record in recorded(folder) if isinstance(record, ProcessRecord)}
    folders = [str(path) for path in (folder, *borrowed_folders(folder))]
    for pid in identity.pids():
        line = " ".join(identity.command_line(pid))
        if any(path in line for path in folders):
            own.add(pid)
    found = (identity.identify(pid) for pid in with_children(own))
    return [process for process in found if process is not None]


def mounts_below(folders: Iterable[Path]) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if any(f" {folder}/" in line for folder in folders)]


def foreign_listeners(pids: Iterable[int]) -> list[str]:
    """Listening TCP sockets of these processes that others than this machine could reach."""
    return [address for address in listeners(pids) if address.split(":")[0] not in LOOPBACK]


def listeners(pids: Iterable[int]) -> list[str]:
    """Local addresses, as the kernel prints them, that these processes listen on."""
    sockets = {inode for pid in pids for inode in _inodes(pid)}
    rows = [row for table in ("tcp", "tcp6") for row in _table(Path("/proc/net", table))]
    return [address for address, state, inode in rows if state == LISTENING and inode in sockets]


def with_children(pids: set[int]) -> set[int]:
    parents = {pid: _parent_of(pid) for pid in identity.pids()}
    found = set(pids)
    while added := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= added
    return found


def _parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _inodes(pid: int) -> set[str]:
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return set()
    return {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}


def _table(path: Path) -> list[tuple[str, str, str]]:
    rows = [line.split() for line in path.read_text().splitlines()[1:]]
    return [(row[1], row[3], row[9]) for row in rows]
