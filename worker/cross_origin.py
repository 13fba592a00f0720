"""Pages of other sites: those of one may read some of our answers, those of no other may ask for them."""

from fastapi.responses import JSONResponse, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REFUSED = JSONResponse(
    {"detail": "pages of this site may not ask here; set POOLMEDIC_CODEC_ORIGIN to the one that may"}, 403
)
_PERMITTED = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Authorization-Extras, Content-Type, X-Namespace",
    "Access-Control-Max-Age": "600",
}


class CrossOrigin:
    """For all below `path`: a browser says whose page asks, and whoever is no browser says nothing."""

    def __init__(self, app: ASGIApp, path: str, origin: str | None) -> None:
        self._app, self._path, self._origin = app, path, origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, answer what a browser asks before it, or refuse it."""
        origin = Headers(scope=scope).get("origin")
        if origin is None or not scope["path"].startswith(self._path):
            await self._app(scope, receive, send)
        elif origin != self._origin:
            await _REFUSED(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Response(status_code=204, headers={**_PERMITTED, **_readable(origin)})(scope, receive, send)
        else:
            await self._app(scope, receive, _readably(send, origin))


def _readable(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


def _readably(send: Send, origin: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_readable(origin))
        await send(message)

    return sending
