"""The application's own pages: what its users ask for."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from covet import Covet
from covet.core.http import JSONResponse, Request, Response

from . import queries
from .leak import LeakBug, ReportInterrupted
from .partner import Partner
from .pool import DatabaseUnavailable, Pool, PoolTimeout

LONGEST_HOLD_MS = 5_000
type Handler = Callable[..., Awaitable[Response]]


class BadRequest(Exception):
    """The request can't be answered as it is; the message says what to change."""


def add_pages(app: Covet, pool: Pool, bug: LeakBug, partner: Partner) -> None:
    @app.get("/orders/{number}")
    @answering
    async def show_order(request: Request, number: int | str) -> Response:
        order_id = parse_count(str(number), "order number", 2**31 - 1)
        hold_ms = parse_count(request.query.get("hold_ms") or "0", "hold_ms", LONGEST_HOLD_MS)
        async with pool.transaction("/orders") as connection:
            order = await queries.fetch(connection, queries.ORDER, order_id)
            await partner.ask()
            if hold_ms:
                await queries.fetch(connection, queries.HOLD, hold_ms / 1000)
        return JSONResponse(dict(order)) if order else refuse(404, "no_such_order")

    @app.get("/customers/{number}")
    @answering
    async def show_customer(_request: Request, number: int | str) -> Response:
        """How many orders and parcels somebody has; with an index on the parcels in a few milliseconds."""
        name = f"customer {parse_count(str(number), 'customer number', queries.CUSTOMERS - 1)}"
        async with pool.transaction("/customers") as connection:
            customer = await queries.fetch(connection, queries.CUSTOMER, name)
        return JSONResponse(dict(customer)) if customer else refuse(404, "no_such_customer")

    @app.post("/transfers/{source}/{destination}")
    @answering
    async def transfer(_request: Request, source: int | str, destination: int | str) -> Response:
        """Move a cent from one order to another, in one transaction."""
        taken_from = parse_count(str(source), "source", 2**31 - 1)
        given_to = parse_count(str(destination), "destination", 2**31 - 1)
        async with pool.transaction("/transfers") as connection:
            if not await queries.fetch(connection, queries.TAKE, taken_from, queries.CENT):
                return refuse(409, "nothing_to_take")
            await queries.fetch(connection, queries.GIVE, given_to, queries.CENT)
        return JSONResponse({"moved": queries.CENT})

    @app.get("/probe")
    @answering
    async def probe(_request: Request) -> Response:
        async with pool.transaction("/probe") as connection:
            await queries.fetch(connection, queries.PING)
        return JSONResponse({"responding": True})

    @app.get("/report")
    @answering
    async def show_report(_request: Request) -> Response:
        return JSONResponse(await bug.write_report())


def answering(handler: Handler) -> Handler:
    """Turn what went wrong into the answer a user gets."""

    @wraps(handler)
    async def answer(*args: Any, **kwargs: Any) -> Response:  # noqa: ANN401  the handler's own
        try:
            return await handler(*args, **kwargs)
        except PoolTimeout:
            return refuse(503, "pool_timeout")
        except DatabaseUnavailable as exc:
            return refuse(503, "database_unavailable", str(exc))
        except ReportInterrupted:
            return refuse(500, "report_interrupted")
        except BadRequest as exc:
            return refuse(400, "bad_request", str(exc))

    return answer


def refuse(status: int, error: str, detail: str = "") -> Response:
    headers = {"Retry-After": "1"} if status == 503 else {}
    return JSONResponse({"error": error, "detail": detail}, status_code=status, headers=headers)


def parse_count(text: str, name: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= largest):
        raise BadRequest(f"{name} must be a whole number from 0 to {largest}")
    return int(text)
