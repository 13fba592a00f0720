"""Where reports are kept: a folder, or whatever fsspec reaches by URL (object storage, FTP)."""

import os
import tempfile
from pathlib import Path
from typing import Protocol, override
from uuid import uuid4

import fsspec
from fsspec import AbstractFileSystem

from workflows.errors import NotConfigured, SourceUnavailable
from workflows.models.text import clean

_MODE = 0o640
_PROBE = "poolmedic-check-"


class Store(Protocol):
    """Named texts; every write replaces what was there in one step, as far as the storage can."""

    @property
    def url(self) -> str:
        """Where they are, without a slash at its end."""

    def read(self, name: str) -> bytes | None:
        """What is there under this name, or None. Raises SourceUnavailable."""

    def names(self, folder: str) -> list[str]:
        """What is in this folder, in no order; nothing where there is none. Raises SourceUnavailable."""

    def write(self, name: str, text: str) -> None:
        """Keep it under this name. Raises SourceUnavailable."""

    def probe(self) -> None:
        """Write a small file and remove it; nothing else stays as it was not. Raises SourceUnavailable."""


def open_store(address: str) -> Store:
    """A path is a folder of this machine, anything else a URL. Raises NotConfigured with the remedy."""
    scheme, is_url, _ = address.partition("://")
    if not is_url:
        return Folder(Path(address))
    if scheme == "file":
        return Folder(Path(address.removeprefix("file://")))
    try:
        return Remote(address)
    except ImportError as exc:
        raise NotConfigured(f"POOLMEDIC_REPORTS: {exc.msg or exc} (for {scheme}://)") from exc
    except ValueError as exc:
        raise NotConfigured(f"POOLMEDIC_REPORTS: {clean(str(exc))}") from exc


class Folder(Store):
    """A folder, which need not be there yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    @property
    @override
    def url(self) -> str:
        return self._folder.as_uri()

    @override
    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise self._refused(exc) from exc

    @override
    def names(self, folder: str) -> list[str]:
        try:
            return [file.name for file in (self._folder / folder).iterdir()]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise self._refused(exc) from exc

    @override
    def write(self, name: str, text: str) -> None:
        file = self._folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            _replace(file, text)
        except OSError as exc:
            raise self._refused(exc) from exc

    @override
    def probe(self) -> None:
        absent = [folder for folder in (self._folder, *self._folder.parents) if not folder.exists()]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(prefix=_PROBE, dir=self._folder) as file:
                file.write(b"probe")
            for folder in absent:
                folder.rmdir()
        except OSError as exc:
            raise self._refused(exc) from exc

    def _refused(self, error: OSError) -> SourceUnavailable:
        return SourceUnavailable(
            f"no report can be kept or read below {self._folder}: {error.strerror or error}; "
            "make room or give poolmedic the right to read and write there"
        )


class Remote(Store):
    """A storage that fsspec knows; its credentials come from the environment (FSSPEC_…, or its own names)."""

    def __init__(self, url: str) -> None:
        """Raises ImportError where a package is missing, ValueError for a scheme that nobody knows."""
        self._url = url.rstrip("/")
        self._storage: tuple[AbstractFileSystem, str] | None = None
        fsspec.get_filesystem_class(fsspec.utils.get_protocol(url))

    @property
    @override
    def url(self) -> str:
        return self._url

    @override
    def read(self, name: str) -> bytes | None:
        try:
            storage, root = self._opened()
            found: bytes = storage.cat_file(f"{root}/{name}")
        except FileNotFoundError:
            return None
        except Exception as exc:
            raise self._refused(exc) from exc
        return found

    @override
    def names(self, folder: str) -> list[str]:
        try:
            storage, root = self._opened()
            return [str(path).rpartition("/")[2] for path in storage.ls(f"{root}/{folder}", detail=False)]
        except FileNotFoundError:
            return []
        except Exception as exc:
            raise self._refused(exc) from exc

    @override
    def write(self, name: str, text: str) -> None:
        try:
            storage, root = self._opened()
            path = f"{root}/{name}"
            storage.makedirs(path.rpartition("/")[0], exist_ok=True)
            storage.pipe_file(path, text.encode())
        except Exception as exc:
            raise self._refused(exc) from exc

    @override
    def probe(self) -> None:
        name = f"{_PROBE}{uuid4().hex}"
        self.write(name, "probe")
        try:
            storage, root = self._opened()
            storage.rm_file(f"{root}/{name}")
        except Exception as exc:
            raise self._refused(exc) from exc

    def _opened(self) -> tuple[AbstractFileSystem, str]:
        """Only now: the storage may be absent at start and come back later."""
        if self._storage is None:
            storage, root = fsspec.url_to_fs(self._url, skip_instance_cache=True)
            self._storage = storage, str(root).rstrip("/")
        return self._storage

    def _refused(self, error: Exception) -> SourceUnavailable:
        """Every storage has errors of its own, and few have a common ancestor."""
        self._storage = None
        said = clean(str(error)) or type(error).__name__
        return SourceUnavailable(f"no report can be kept or read at {self._url}: {said}")


def _replace(file: Path, text: str) -> None:
    descriptor, beside = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            output.write(text)
            output.flush()
            os.fchmod(output.fileno(), _MODE)
            os.fsync(output.fileno())
        os.replace(beside, file)  # noqa: PTH105  beside is a name, not a Path
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
