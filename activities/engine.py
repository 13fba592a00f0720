"""The Docker Engine: reached when it is needed, its errors translated into those of `workflows.errors`."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Lock
from urllib.parse import urlsplit

from docker import APIClient, DockerClient
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests import RequestException

from activities.credentials import mask_credentials
from workflows.errors import PoolmedicError, SourceRefused, SourceUnavailable
from workflows.models.text import clean

type Connect = Callable[[], DockerClient]

ENGINE_ERRORS = (DockerException, RequestException)
"""Everything the SDK raises; it lets those of its HTTP library through."""
_MARKUP = re.compile(r"<[^>]+>")
"""Proxies answer with pages."""
_LONGEST_PAGE = 10_000
PROXY_REFUSALS = (HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED)
"""The engine itself seldom says so: a socket proxy does, of what is not on its list."""


class Engine:
    """One client, opened by the first use: its constructor already asks the engine for its version."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._opening = Lock()
        self._client: DockerClient | None = None

    def container(self, name: str) -> Container:
        """The container as it is now; raises SourceUnavailable, or SourceRefused if there is none."""
        with translated(f"container {name}"):
            return self._opened().containers.get(name)

    def api(self) -> APIClient:
        """Its requests one by one, which raise what the SDK raises; SourceUnavailable if it is gone."""
        with translated("the engine"):
            return self._opened().api

    def close(self) -> None:
        """Close the client; the next use opens another one."""
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _opened(self) -> DockerClient:
        with self._opening:
            self._client = self._client or self._connect()
            return self._client


def open_client(host: str | None, seconds: int) -> DockerClient:
    """The engine at `host`, or where the `docker` command would look; `seconds` for each of its answers.

    Raises SourceUnavailable, with the address, where nothing answers; else what the SDK raises.
    """
    try:
        if host:
            return DockerClient(base_url=host, timeout=seconds)
        return DockerClient.from_env(timeout=seconds)
    except ENGINE_ERRORS as exc:
        reason = _refused_by_system(exc)
        if reason is None:
            raise
        address = host or os.environ.get("DOCKER_HOST") or DEFAULT_UNIX_SOCKET.removeprefix("http+")
        raise SourceUnavailable(
            f"no container engine answers at {mask_credentials(address)} ({reason}); "
            "set POOLMEDIC_DOCKER_HOST, or leave out `container`"
        ) from exc


def _refused_by_system(error: BaseException | None) -> str | None:
    """What the operating system said, which the SDK and its HTTP library wrap several times."""
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def translated(what: str) -> Iterator[None]:
    """What the engine says no to, or does not say, inside the block; `what` begins the sentence."""
    try:
        yield
    except ENGINE_ERRORS as exc:
        raise translate(exc, what) from exc


def translate(error: DockerException | RequestException, what: str) -> PoolmedicError:
    """The same failure as one of ours."""
    if isinstance(error, NotFound):
        return SourceRefused(f"{what}: the engine knows no such container")
    # The client's constructor asks for the version, and wraps what it hears.
    answer = error if isinstance(error, APIError) else error.__cause__
    if isinstance(answer, APIError):
        status = answer.status_code or 0
        why = clean(_MARKUP.sub(" ", str(answer.explanation or answer)[:_LONGEST_PAGE]))
        said = f"{what}: the engine answered {status}: {why}"
        if status in PROXY_REFUSALS:
            return SourceRefused(
                f"{said}; {_asked(answer)}, which a proxy before it has to let through (docs/installing.md)"
            )
        is_refusal = status < HTTPStatus.INTERNAL_SERVER_ERROR
        return SourceRefused(said) if is_refusal else SourceUnavailable(said)
    return SourceUnavailable(f"{what}: the engine did not answer: {clean(mask_credentials(str(error)))}")


def _asked(error: APIError) -> str:
    request = error.response.request if error.response is not None else None
    what = f"{request.method} {clean(urlsplit(str(request.url)).path)}" if request else "something"
    return f"it was asked for {what}"
