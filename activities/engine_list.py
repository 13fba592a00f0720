"""What a proxy before the Docker Engine lets through, found out where nothing can happen: at no container."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from docker import APIClient
from docker.errors import APIError

from activities.engine import ENGINE_ERRORS, PROXY_REFUSALS, Engine
from activities.engine_stream import read_archive
from workflows.models.policy import Option
from workflows.wording import listed

SECONDS_BELIEVED = 600.0
"""For which a list that is known to be long enough is not tried again; any other is, at every look."""
_KNOWS_NOBODY = (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST)
"""What an engine itself says of an id that nobody has."""
_IDLE_SIGNAL = "SIGCHLD"

type _Ask = Callable[[APIClient, str], object]

_ASKED: Mapping[Option, Mapping[str, _Ask]] = {
    Option.RESTART: {
        "POST /containers/{id}/restart": lambda api, nobody: api.restart(nobody),
    },
    Option.RESIZE: {
        "GET /containers/{id}/archive": lambda api, nobody: read_archive(api, nobody, "/", 0, unless=0),
        "PUT /containers/{id}/archive": lambda api, nobody: api.put_archive(nobody, "/", b""),
        "POST /containers/{id}/exec": lambda api, nobody: api.exec_create(nobody, ["true"]),
        "POST /exec/{id}/start": lambda api, nobody: api.exec_start(nobody, detach=True),
        "GET /exec/{id}/json": lambda api, nobody: api.exec_inspect(nobody),
        "POST /containers/{id}/kill": lambda api, nobody: api.kill(nobody, _IDLE_SIGNAL),
    },
}
"""All that an act asks beside what every look does (docs/installing.md)."""


class EngineList:
    """The same requests as an act's, with an id that nobody has: the engine says that it knows none such."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._believed: dict[Option, float] = {}

    def refusal(self, option: Option, until: float) -> str | None:
        """Why it cannot be done; None where it can, or where that is not known.

        None of the requests is begun after `until`, by `time.monotonic`.
        """
        if time.monotonic() < self._believed.get(option, 0.0):
            return None
        said = dict(self._ask(option, until))
        refused = [request for request, status in said.items() if status in PROXY_REFUSALS]
        if refused:
            return f"a proxy before the engine does not let through {listed(refused)} (docs/installing.md)"
        if all(status in _KNOWS_NOBODY for status in said.values()):
            self._believed[option] = time.monotonic() + SECONDS_BELIEVED
        return None

    def _ask(self, option: Option, until: float) -> Iterator[tuple[str, int | None]]:
        """Each request, and what the answer says; None where it was not asked for, or none came."""
        api, nobody = self._engine.api(), secrets.token_hex(32)
        for request, ask in _ASKED[option].items():
            is_in_time = time.monotonic() <= until
            yield request, _status(ask, api, nobody) if is_in_time else None


def _status(ask: _Ask, api: APIClient, nobody: str) -> int | None:
    try:
        ask(api, nobody)
    except ENGINE_ERRORS as exc:
        return exc.status_code if isinstance(exc, APIError) else None
    return None
