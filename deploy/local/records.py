"""What a running stack has started, written down so that its successor can end exactly that and no more."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from deploy.local.identity import Identity


class ProcessRecord(BaseModel, frozen=True):
    """One process: how to end it politely, and how long to wait (seconds) before SIGKILL."""

    kind: Literal["process"] = "process"
    name: str
    identity: Identity
    stop_signal: signal.Signals
    grace: float


class ContainersRecord(BaseModel, frozen=True):
    """Containers on an engine that is not ours to end: all that carry this label are ours."""

    kind: Literal["containers"] = "containers"
    name: str
    engine: str
    label: str


class FolderRecord(BaseModel, frozen=True):
    """A folder outside the state folder, made for one component alone."""

    kind: Literal["folder"] = "folder"
    name: str
    folder: Path


type Record = Annotated[ProcessRecord | ContainersRecord | FolderRecord, Field(discriminator="kind")]

RECORD: TypeAdapter[Record] = TypeAdapter(Record)


class Records:
    """The records of one state folder, one file each, in the order of starting."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, record: Record) -> Path:
        """Keep it; the file returned is to be unlinked once the thing has ended."""
        order = max((int(path.name.split("-")[0]) for path in self.files()), default=0) + 1
        path = self.folder / f"{order:04d}-{record.name}.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(RECORD.dump_json(record))
        temporary.rename(path)
        return path

    def files(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.folder.glob("*.json"))

    def read(self, path: Path) -> Record:
        return RECORD.validate_json(path.read_bytes())
