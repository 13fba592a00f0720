"""`/codec/…`: what Temporal keeps encrypted, readable for the Temporal UI and the `temporal` command line."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response, status
from fastapi.responses import PlainTextResponse
from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from temporalio.api.common.v1 import Payload, Payloads

from worker.access import Access
from worker.body import CODEC, read_body
from worker.errors import PayloadSealed
from worker.sealing import Sealing

PATH = "/codec"
MOST_PAYLOADS = 1000
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The token is missing or wrong."},
    403: {"description": "A page of another site asks."},
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is not Temporal's JSON of payloads."},
    408: {"description": "The body did not arrive in time."},
    413: {"description": "The body is too large, or holds too many payloads."},
    422: {"description": "A payload does not open with the keys there are."},
}
_log = structlog.get_logger("poolmedic.codec")


class CodecServer:
    """Opens and seals payloads for those who have a token; keeps nothing."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing

    def serve_on(self, app: FastAPI, access: Access) -> None:
        """Add Temporal's interface of a codec server, and a page where a browser asks for the token."""
        router = APIRouter(prefix=PATH, dependencies=[Depends(access)], tags=["codec"], responses=_REFUSALS)
        router.add_api_route("/", self.greet, summary="The token is good")
        for name, answer in (("decode", self.decode), ("encode", self.encode)):
            router.add_api_route(
                f"/{name}",
                answer,
                methods=["POST"],
                summary=f"{name.capitalize()} payloads, as Temporal's codec servers do",
                responses=_ERRORS,
            )
        app.include_router(router)

    async def greet(self) -> PlainTextResponse:
        """A person opens this once, so that the browser knows the token when the Temporal UI asks."""
        return PlainTextResponse("The token is good: the Temporal UI can decode payloads here now.\n")

    async def decode(self, request: Request) -> Response:
        """What was never encrypted comes back as it is."""
        return await self._answer(request, self._sealing.open)

    async def encode(self, request: Request) -> Response:
        """For signals by hand: the Temporal UI sends none that it could not have encoded."""
        return await self._answer(request, self._sealing.seal)

    async def _answer(self, request: Request, change: Callable[[Payload], Payload]) -> Response:
        body = await read_body(request, CODEC)
        try:
            # Elsewhere than where alerts are taken: megabytes take a while.
            told = await asyncio.to_thread(_change, body, change)
        except PayloadSealed as refusal:
            _log.warning("payload not opened", reason=str(refusal))
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(refusal)) from None
        return Response(told, media_type="application/json")


def _change(body: bytes, change: Callable[[Payload], Payload]) -> str:
    return MessageToJson(Payloads(payloads=[change(payload) for payload in _read(body)]))


def _read(body: bytes) -> list[Payload]:
    """Raises `HTTPException`; counted before anything is made of them."""
    try:
        given = json.loads(body)
        found = given["payloads"] if isinstance(given, dict) else None
    except (ValueError, RecursionError, KeyError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise HTTPException(
            status.HTTP_400_BAD_REQUEST, "the body is no JSON object with a list `payloads` of objects"
        )
    if len(found) > MOST_PAYLOADS:
        told = f"there are more than {MOST_PAYLOADS} payloads; {CODEC.remedy}"
        raise HTTPException(status.HTTP_413_CONTENT_TOO_LARGE, told)
    try:
        return list(ParseDict({"payloads": found}, Payloads(), ignore_unknown_fields=True).payloads)
    except ParseError:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "`payloads` are not Temporal's payloads") from None
