"""The JSON file of an application that holds its pool's size, as `reload` of the target describes it."""

import json
from pathlib import PurePosixPath
from typing import Any

from docker.models.containers import Container

from activities.container_file import ContainerFile, Found
from workflows.errors import NotConfigured, SourceNonsense
from workflows.models.target import Reload


class PoolFile:
    """One container's file, as it was when it was read; it may not have been there."""

    def __init__(self, container: Container, reload: Reload) -> None:
        """Read it, and make sure that it can be replaced; nothing is written.

        Raises SourceRefused, SourceUnavailable, SourceNonsense, NotConfigured.
        """
        path = PurePosixPath(reload.file)
        if not path.is_absolute():
            raise NotConfigured(f"reload.file: {reload.file} is no absolute path in the container")
        self._name = f"{reload.file} in {container.name}"
        self._reload = reload
        self._file = ContainerFile(container, path)
        self._found = self._file.read()
        self._values = self._parse()
        size = self._values.get(reload.size_key)
        self._overflow = self._whole(self._values.get(reload.overflow_key or "", 0))
        self.size = None if size is None else self._whole(size) + self._overflow
        """The maximum it asks for, overflow included; None where it says nothing."""
        self._file.check_tools()

    def write(self, size: int) -> None:
        """Ask for this maximum, and keep every other key.

        The overflow stays while it is smaller than the maximum, so that going back to an old maximum gives
        the old pair of numbers.
        """
        overflow = self._overflow if self._overflow < size else 0
        values = {**self._values, self._reload.size_key: size - overflow}
        if self._reload.overflow_key is not None:
            values[self._reload.overflow_key] = overflow
        content = f"{json.dumps(values, indent=2)}\n".encode()
        self._file.replace((self._found or Found(b""))._replace(content=content))

    def put_back(self) -> None:
        """Make it what it was when it was read."""
        if self._found is None:
            self._file.remove()
        else:
            self._file.replace(self._found)

    def _parse(self) -> dict[str, Any]:
        try:
            values = json.loads(self._found.content) if self._found else {}
        except ValueError as exc:
            raise SourceNonsense(f"{self._name} is no JSON; nothing was touched") from exc
        if not isinstance(values, dict):
            raise SourceNonsense(f"{self._name} holds no JSON object; nothing was touched")
        return values

    def _whole(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise SourceNonsense(f"{self._name} says {value!r} where a size belongs; nothing was touched")
        return value
