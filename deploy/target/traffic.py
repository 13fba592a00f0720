"""Counting of requests by covet's middleware, with the route in place of the path."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from covet.monitoring.metrics import metrics_middleware

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

UNCOUNTED = ("/metrics", "/health", "/pool", "/queries", "/fault/")
PAGES = ("/probe", "/report")


async def count_requests(app: Asgi) -> Asgi:
    """Wrap the application so that its users' requests are counted, and its operators' are not."""

    async def restore_path(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": scope["target.path"]}, receive, send)

    counted: Asgi = await metrics_middleware(app, restore_path)

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNCOUNTED):
            await app(scope, receive, send)
            return
        await counted(
            {**scope, "path": find_route(scope["path"]), "target.path": scope["path"]}, receive, send
        )

    return count


def find_route(path: str) -> str:
    """Return the label for a path: covet would make a series of every path it sees."""
    if path.startswith("/orders/"):
        return "/orders/{number}"
    if path.startswith("/customers/"):
        return "/customers/{number}"
    if path.startswith("/transfers/"):
        return "/transfers/{source}/{destination}"
    return path if path in PAGES else "unmatched"
