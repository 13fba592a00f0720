"""Answers of the Docker Engine whose length is a container's to decide: read up to a bound, and then closed.

The SDK reads them to their end, waits for it without a limit of time, and keeps what it has not read open.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

from docker import APIClient
from docker.errors import create_api_error_from_http_exception
from docker.utils import decode_json_header
from docker.utils.decorators import update_headers
from requests import HTTPError, Response, Session

_STAT = "X-Docker-Container-Path-Stat"
_PIECE = 16 * 1024
_FRAME = 8
"""Bytes before each piece that a program printed: which stream it is of, and how long it is."""


class Packed(NamedTuple):
    """What is at a path of a container."""

    stat: Mapping[str, Any]
    """As the engine says it: `size`, and `mode`, which is Go's `FileMode`; empty where it says nothing."""
    archive: bytes | None
    """Of the tape's format; None where it was not asked for, or is longer than the bound."""


class Ended(NamedTuple):
    """A program that was run in a container."""

    code: int
    printed: bytes | None
    """None where it is more than the bound, and its end was not waited for."""


def read_archive(engine: APIClient, container: str, path: str, most: int, unless: int) -> Packed:
    """`unless`: bits of the mode with which nothing is read; raises what the SDK raises."""
    url = f"/containers/{container}/archive"
    # A compressed answer may be longer than it looks.
    headers = {"Accept-Encoding": "identity"}
    with _asked(engine, "GET", url, params={"path": path}, headers=headers) as answer:
        stat = decode_json_header(answer.headers[_STAT]) if _STAT in answer.headers else {}
        is_wanted = not stat.get("mode", 0) & unless and stat.get("size", 0) <= most
        return Packed(stat, _read(answer, most) if is_wanted else None)


def run_in(engine: APIClient, container: str, command: tuple[str, ...], most: int) -> Ended:
    """Run it as root; raises what the SDK raises."""
    asked = engine.exec_create(container, list(command), user="0")["Id"]
    how = {"Tty": False, "Detach": False}
    with _asked(engine, "POST", f"/exec/{asked}/start", json=how) as answer:
        said = _read(answer, most)
    if said is None:
        return Ended(0, None)
    return Ended(engine.exec_inspect(asked)["ExitCode"] or 0, b"".join(_unframed(said)))


@contextmanager
def _asked(engine: APIClient, method: str, path: str, **more: Any) -> Iterator[Response]:  # noqa: ANN401
    url = f"{engine.base_url}/v{engine.api_version}{path}"
    # The headers of the file `config.json`, as every request of the SDK's has them.
    send = update_headers(Session.request)
    with send(engine, method, url, stream=True, timeout=engine.timeout, **more) as answer:
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            create_api_error_from_http_exception(HTTPError(answer.reason, response=answer))
        yield answer


def _read(answer: Response, most: int) -> bytes | None:
    read = bytearray()
    for piece in answer.iter_content(_PIECE):
        read += piece
        if len(read) > most:
            return None
    return bytes(read)


def _unframed(said: bytes) -> Iterator[bytes]:
    at = 0
    while at + _FRAME <= len(said):
        end = at + _FRAME + int.from_bytes(said[at + 4 : at + _FRAME])
        yield said[at + _FRAME : end]
        at = end
