"""Ends what a stack started, newest first, when the program that started it no longer can."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local import containers, identity, shims
from deploy.local.errors import Survived
from deploy.local.identity import Identity
from deploy.local.records import ContainersRecord, FolderRecord, ProcessRecord, Record, Records

MARK = "POOLMEDIC_STACK_FOLDER"
SECONDS_AFTER_KILL = 10.0
SECONDS_BETWEEN_LOOKS = 0.02


def end_leftovers(folder: Path) -> list[str]:
    """End everything recorded in this state folder; returns the names of what was still there.

    The caller holds the folder's lock. Raises Survived.
    """
    records = Records(folder / "records")
    ended = []
    for path in reversed(records.files()):
        record = records.read(path)
        if _end(record):
            ended.append(record.name)
        path.unlink(missing_ok=True)
    # Started, but not yet written down when the end came.
    unwritten = identity.bearers(MARK, str(folder))
    ended += [process.command[0] for process in unwritten if process.signal(signal.SIGKILL)]
    shims.end_below(folder)
    return ended


def end_session(leader: Identity) -> None:
    """SIGKILL whoever is left in the session that ``leader`` opened, and nobody else."""
    holder = identity.identify(leader.pid)
    if holder is not None and holder != leader:
        return
    for member in identity.session_members(leader.pid):
        member.signal(signal.SIGKILL)


def _end(record: Record) -> bool:
    match record:
        case ProcessRecord():
            return _end_process(record)
        case ContainersRecord():
            return containers.remove_labelled(record.engine, record.label)
        case FolderRecord():
            shims.end_below(record.folder)
            shutil.rmtree(record.folder, ignore_errors=True)
            return True


def _end_process(record: ProcessRecord) -> bool:
    leader = record.identity
    was_there = leader.signal(record.stop_signal)
    if was_there:
        _wait(lambda: not leader.is_alive(), record.grace)
    end_session(leader)
    if not _wait(lambda: not leader.is_alive(), SECONDS_AFTER_KILL):
        raise Survived(record.name, leader.pid)
    return was_there


def _wait(condition: Callable[[], bool], within: float) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return True
