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

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from activities.engine import translated
from workflows.errors import PoolmedicError, SourceRefused
from workflows.models.text import clean

MOST_BYTES = 64 * 1024
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
                stream, about = self._container.get_archive(str(self._path))
                if about is None or about["size"] <= MOST_BYTES:
                    return self._unpack(b"".join(stream))
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
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            entry = files.next()
            content = files.extractfile(entry) if entry and entry.isreg() else None
            if entry is None or content is None:
                raise SourceRefused(f"{self._name} is no ordinary file; nothing was touched")
            return Found(content.read(), entry.mode, entry.uid, entry.gid)

    def _run(self, *command: str) -> None:
        code, output = self._exec(*command)
        if code != 0:
            raise SourceRefused(
                f"`{command[0]}` in {self._container.name} ended with {code}: {clean(output)}"
            )

    def _exec(self, *command: str) -> tuple[int, str]:
        with translated(f"`{command[0]}` in {self._container.name}"):
            try:
                code, output = self._container.exec_run(list(command), user="0")
            except APIError as exc:
                # Some engines answer so when there is no such program.
                if exc.status_code == HTTPStatus.BAD_REQUEST:
                    return _NO_SUCH_PROGRAM[1], str(exc.explanation)
                raise
        text = output if isinstance(output, bytes) else b"".join(output)
        return code or 0, text.decode(errors="replace")


def _pack(name: str, file: Found) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.uid, entry.gid = file.mode, file.owner, file.group
    entry.size, entry.mtime = len(file.content), int(time.time())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
