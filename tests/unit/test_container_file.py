"""What a container decides over is read so far and no further: it could be without an end."""

import base64
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any, cast, override

import pytest
from docker import APIClient
from docker.models.containers import Container
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from activities.container_file import MOST_BYTES, ContainerFile
from workflows.errors import SourceRefused

FILE = PurePosixPath("/srv/pool.json")
FOLDER, PIPE = 1 << 31, 1 << 25
"""As the engine's stat has them."""


class Endless(io.RawIOBase):
    """What is printed, or packed, for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0

    @override
    def read(self, size: int = -1) -> bytes:
        # Beyond this the test would be what takes the memory.
        assert 0 < size <= 1000 * MOST_BYTES - self.taken
        self.taken += size
        return b"0" * size


class Engine(BaseAdapter):
    """What answers the SDK instead of one, by the end of the path."""

    def __init__(self, **answers: io.RawIOBase | io.BytesIO) -> None:
        super().__init__()
        self._answers = answers
        self.stat: dict[str, Any] = {}

    @override
    def send(self, request: PreparedRequest, *_given: Any, **_more: Any) -> Response:
        answer = Response()
        answer.status_code = 200
        answer.headers["X-Docker-Container-Path-Stat"] = base64.b64encode(
            json.dumps(self.stat).encode()
        ).decode()
        answer.raw = self._answers[request.path_url.partition("?")[0].rpartition("/")[2]]
        return answer

    @override
    def close(self) -> None:
        """There is nothing to close."""


@contextmanager
def seen(engine: Engine) -> Iterator[ContainerFile]:
    """The file of a container on that engine."""
    client = APIClient(base_url="tcp://engine:2375", version="1.41")
    client.mount("http://", engine)
    container = SimpleNamespace(id="0" * 64, name="shop-1", client=SimpleNamespace(api=client))
    try:
        yield ContainerFile(cast("Container", container), FILE)
    finally:
        client.close()


@contextmanager
def holding(stream: io.RawIOBase | io.BytesIO, mode: int, size: int) -> Iterator[ContainerFile]:
    """A file of which the engine says so much, and sends that."""
    engine = Engine(archive=stream)
    engine.stat = {"name": FILE.name, "mode": mode, "size": size}
    with seen(engine) as file:
        yield file


@contextmanager
def printing(stream: io.RawIOBase | io.BytesIO, code: int = 0) -> Iterator[ContainerFile]:
    """A container whose every program prints that, and ends so."""
    ended = io.BytesIO(json.dumps({"ExitCode": code}).encode())
    with seen(Engine(exec=io.BytesIO(b'{"Id": "1"}'), start=stream, json=ended)) as file:
        yield file


def packed(content: bytes) -> io.BytesIO:
    """The engine's archive of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(FILE.name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return io.BytesIO(buffer.getvalue())


@pytest.mark.parametrize("mode", [FOLDER | 0o755, PIPE | 0o644])
def test_what_is_no_file_is_refused_by_what_the_engine_says_of_it_and_not_read(mode: int) -> None:
    stream = Endless()
    with (
        holding(stream, mode, 4096) as file,
        pytest.raises(SourceRefused, match="no ordinary file; nothing was touched"),
    ):
        file.read()
    assert (stream.taken, stream.closed) == (0, True)


def test_a_file_that_is_larger_than_was_said_is_read_up_to_a_bound() -> None:
    stream = Endless()
    with (
        holding(stream, 0o644, 10) as file,
        pytest.raises(SourceRefused, match=f"larger than {MOST_BYTES} bytes; nothing was touched"),
    ):
        file.read()
    assert stream.taken < 3 * MOST_BYTES
    assert stream.closed


@pytest.mark.parametrize(("size", "is_read"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
def test_a_file_may_have_the_largest_size_and_not_more(size: int, is_read: bool) -> None:
    with holding(packed(b"0" * size), 0o644, size) as file:
        if is_read:
            found = file.read()
            assert found
            assert len(found.content) == size
        else:
            with pytest.raises(SourceRefused, match="larger than"):
                file.read()


@pytest.mark.parametrize(
    "ask", [ContainerFile.check_tools, ContainerFile.remove], ids=["check_tools", "remove"]
)
def test_a_program_that_prints_for_ever_is_heard_up_to_a_bound(ask: Callable[[ContainerFile], None]) -> None:
    stream = Endless()
    with printing(stream) as file, pytest.raises(SourceRefused, match="prints more than 131072 bytes"):
        ask(file)
    assert stream.taken < 3 * MOST_BYTES
    assert stream.closed


def test_what_a_program_that_failed_printed_is_told_of_both_its_streams() -> None:
    said = b"\x01\0\0\0\0\0\0\x04rm: " + b"\x02\0\0\0\0\0\0\x0cread-only fs"
    with (
        printing(io.BytesIO(said), code=1) as file,
        pytest.raises(SourceRefused, match="`rm` in shop-1 ended with 1: rm: read-only fs"),
    ):
        file.remove()
