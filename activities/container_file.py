"""One file inside a container, replaced in one step so that no reader sees half of it.

The engine's own way to write (`PUT /containers/{id}/archive`) removes the old file before it writes the new
one. So the new one goes in beside it under another name, and `mv`, run inside the container, renames it.
"""

import io
import tarfile
import time
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import NamedTuple

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from activities.engine import translated
from activities.engine_stream import read_archive, run_in
from workflows.errors import PoolmedicError, SourceRefused
from workflows.models.text import clean

MOST_BYTES = 64 * 1024
_MOST_READ = 2 * MOST_BYTES
"""Of what the container decides over: its file with the archive around it, or what its `mv` prints."""
_SPECIAL = 0x8F28_0000
"""In the engine's stat, which has Go's `FileMode`: folders, links, devices, pipes, sockets, what is odd."""
_NO_SUCH_PROGRAM = (126, 127)


class Found(NamedTuple):
    """What was there: who owns it, and what it holds."""

    content: bytes
    mode: int = 0o644
    owner: int = 0
    group: int = 0


class ContainerFile:
    """Errors are `SourceRefused` where the container cannot, `SourceUnavailable` where the engine is gone."""

    def __init__(self, container: Container, path: PurePosixPath) -> None:
        self._container = container
        self._path = path
        self._name = f"{path} in {container.name}"

    def read(self) -> Found | None:
        """None where there is no such file; a link, a folder or a huge file is refused."""
        try:
            with translated(self._name):
                engine, container = self._engine()
                stat, archive = read_archive(engine, container, str(self._path), _MOST_READ, unless=_SPECIAL)
                if stat.get("mode", 0) & _SPECIAL:
                    raise self._odd()
                if archive is not None and stat.get("size", 0) <= MOST_BYTES:
                    return self._unpack(archive)
        except SourceRefused as exc:
            if isinstance(exc.__cause__, NotFound):
                return None
            raise
        raise SourceRefused(f"{self._name} is larger than {MOST_BYTES} bytes; nothing was touched")

    def check_tools(self) -> None:
        """Raises SourceRefused where the container lacks what `replace` and `remove` need."""
        for program in ("mv", "rm"):
            code, _ = self._exec(program, "--version")
            if code in _NO_SUCH_PROGRAM:
                raise SourceRefused(
                    f"{self._container.name} has no `{program}`: {self._path} cannot be replaced "
                    "in one step; nothing was touched"
                )

    def replace(self, new: Found) -> None:
        """Put this in its place; nothing is left behind where that fails."""
        beside = self._path.with_name(f".{self._path.name}.poolmedic")
        with translated(f"writing {beside} in {self._container.name}"):
            self._container.put_archive(str(self._path.parent), _pack(beside.name, new))
        try:
            self._run("mv", "-f", str(beside), str(self._path))
        except PoolmedicError:
            self._run("rm", "-f", str(beside))
            raise

    def remove(self) -> None:
        """Remove it where it is there."""
        self._run("rm", "-f", str(self._path))

    def _unpack(self, archive: bytes) -> Found:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as files:
            entry = files.next()
            content = files.extractfile(entry) if entry and entry.isreg() else None
            if entry is None or content is None:
                raise self._odd()
            return Found(content.read(), entry.mode, entry.uid, entry.gid)

    def _odd(self) -> SourceRefused:
        return SourceRefused(f"{self._name} is no ordinary file; nothing was touched")

    def _run(self, *command: str) -> None:
        code, output = self._exec(*command)
        if code != 0:
            raise SourceRefused(
                f"`{command[0]}` in {self._container.name} ended with {code}: {clean(output)}"
            )

    def _exec(self, *command: str) -> tuple[int, str]:
        with translated(f"`{command[0]}` in {self._container.name}"):
            try:
                code, printed = run_in(*self._engine(), command, _MOST_READ)
            except APIError as exc:
                # Some engines answer so when there is no such program.
                if exc.status_code == HTTPStatus.BAD_REQUEST:
                    return _NO_SUCH_PROGRAM[1], str(exc.explanation)
                raise
        if printed is None:
            raise SourceRefused(
                f"`{command[0]}` in {self._container.name} prints more than {_MOST_READ} bytes: "
                "it is not the program of this name"
            )
        return code, printed.decode(errors="replace")

    def _engine(self) -> tuple[APIClient, str]:
        """Where to ask, and for which container."""
        client, container = self._container.client, self._container.id
        if client is None or container is None:
            raise SourceRefused(f"{self._name}: the container is of no engine")
        return client.api, container


def _pack(name: str, file: Found) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid = file.mode, file.owner, file.group
    entry.size, entry.mtime = len(file.content), int(time.time())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
