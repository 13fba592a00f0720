"""The HTTP application: safe headers on every answer, failures that tell nothing about the inside."""

import collections
import contextlib

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities import ballot, invitation
from worker.codec_server import PATH as CODEC
from worker.cross_origin import CrossOrigin
from worker.version import VERSION

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

MOST_REQUESTS = 100
MOST_BY_LINK = 20
"""Whoever has links of one kind may keep so many places: the rest is for the other kind, and for alerts."""
MOST_BY_CODEC = 8
"""So it is with whoever reads payloads; their answers are large, and keep the place until they are sent."""
_BY_LINK = (invitation.PATH, ballot.PATH)
HEALTH_PAGES = frozenset({"/healthz", "/readyz"})
_BUSY = JSONResponse({"detail": "too many requests at once; send it again"}, 503, {"Retry-After": "5"})


class SafeHeaders:
    """Adds the headers to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with the headers."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_safely)


class AtOnce:
    """Refuses requests beyond so many at once; health pages are for just that moment, and stay outside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running = collections.Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 503."""
        kind, most = _places(scope["path"])
        if scope["path"] in HEALTH_PAGES:
            await self._app(scope, receive, send)
        elif self._running[kind] >= most:
            await _BUSY(scope, receive, send)
        else:
            await self._run(kind, scope, receive, send)

    async def _run(self, kind: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A place is for the work: whoever does not read the answer keeps none."""
        with contextlib.ExitStack() as place:
            self._running[kind] += 1
            place.callback(self._running.subtract, (kind,))

            async def send_freely(message: Message) -> None:
                if kind != CODEC:
                    place.close()
                await send(message)

            await self._app(scope, receive, send_freely)


def _places(path: str) -> tuple[str, int]:
    """Which kind of request it is, and how many of it there may be at once."""
    for link in _BY_LINK:
        if path.startswith(f"{link}/"):
            return link, MOST_BY_LINK
    if path.startswith(f"{CODEC}/"):
        return CODEC, MOST_BY_CODEC
    return "", MOST_REQUESTS


def new_app(codec_origin: str | None = None) -> FastAPI:
    """Without the framework's own pages: they need no token, and load their scripts from elsewhere.

    codec_origin: whose pages may read what is decrypted here; no other site's page may read anything.
    """
    app = FastAPI(
        title="poolmedic",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # The webhook makes the span that a trace begins with; health checks make none.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.router.redirect_slashes = False
    app.add_middleware(AtOnce)
    app.add_middleware(CrossOrigin, path=f"{CODEC}/", origin=codec_origin)
    app.add_middleware(SafeHeaders)
    app.add_exception_handler(Exception, _fail)
    return app


async def _fail(_request: Request, _failure: Exception) -> Response:
    """The framework logs the failure itself."""
    return JSONResponse({"detail": "the request failed; the log says why"}, 500, HEADERS)
