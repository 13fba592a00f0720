"""A system asked over HTTP: every answer bounded in time and size, every failure told in our own words."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import NamedTuple

import httpx
from pydantic import BaseModel, ConfigDict

from workflows.errors import PoolmedicError, SourceNonsense, SourceRefused, SourceUnavailable
from workflows.models.text import clean

MAX_BYTES = 2 * 1024 * 1024
LIMIT = timedelta(seconds=3)
TRIES = 2


class Shape(BaseModel):
    """A part of an answer that is JSON; what does not fit is not repeated in the error."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Answer(NamedTuple):
    """What came back, whatever its status; `seconds` is from the question to the last byte."""

    status: int
    body: bytes
    seconds: float


class HttpSource:
    """One system, by the name people know it by. The client is kept warm and belongs to the caller."""

    def __init__(
        self, client: httpx.AsyncClient, name: str, limit: timedelta = LIMIT, max_bytes: int = MAX_BYTES
    ) -> None:
        self.name = name
        self._client = client
        self._limit = limit.total_seconds()
        self._max_bytes = max_bytes

    async def get(
        self,
        url: str,
        params: Mapping[str, str | list[str]] | None = None,
        within: timedelta | None = None,
    ) -> Answer:
        """Raises SourceUnavailable or SourceNonsense; a refusal is an answer, see `refusal`.

        `within` is what is left of a limit that was given for more than this question.
        """
        request = self._client.build_request("GET", url, params=params, headers=PLAIN)
        return await self._ask(request, self._limit if within is None else within.total_seconds())

    async def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """A question in a form, for what is too long for an address. Raises as `get` does."""
        request = self._client.build_request("POST", url, data=form, headers=PLAIN)
        return await self._ask(request, self._limit)

    def refusal(self, answer: Answer, detail: str = "") -> PoolmedicError:
        """What a status other than success means, with the system's own detail: is it worth another try."""
        status, told = answer.status, f": {clean(detail)}" if detail else ""
        message = f"{self.name} answered {describe_status(status)}{told}"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            return SourceUnavailable(message)
        return SourceRefused(message)

    async def _ask(self, request: httpx.Request, seconds: float) -> Answer:
        """A question that a kept connection lost because its server went away is asked once more."""
        try:
            async with asyncio.timeout(seconds):
                for _ in range(TRIES - 1):
                    try:
                        return await self._send(request)
                    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                        continue
                return await self._send(request)
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise SourceUnavailable(f"{self.name} did not answer within {seconds:.3g} s") from exc
        except httpx.ConnectError as exc:
            raise SourceUnavailable(f"{self.name} cannot be reached: {clean(str(exc))}") from exc
        except httpx.HTTPError as exc:
            raise SourceUnavailable(f"{self.name} broke off its answer ({type(exc).__name__})") from exc

    async def _send(self, request: httpx.Request) -> Answer:
        asked = time.perf_counter()
        response = await self._client.send(request, stream=True)
        try:
            body = await self._read(response)
        finally:
            await response.aclose()
        return Answer(response.status_code, body, time.perf_counter() - asked)

    async def _read(self, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise SourceNonsense(f"{self.name} answered in the encoding {clean(encoding, 20)}, not asked for")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > self._max_bytes:
                raise SourceNonsense(f"{self.name} answered more than {self._max_bytes} bytes")
        return bytes(body)


# Uncompressed, so that the bound on what is received is the bound on what is held.
PLAIN = {"Accept-Encoding": "identity"}


def describe_status(status: int) -> str:
    """The number with the standard's words for it."""
    known = {code.value: code.phrase for code in HTTPStatus}
    return f"{status} {known[status]}" if status in known else str(status)


def name_of(what: str, url: str) -> str:
    """Name and host of a system for people; never the credentials an address may hold."""
    return f"{what} ({httpx.URL(url).netloc.decode()})"
