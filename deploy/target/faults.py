"""The drill's switch, `/fault/leak`: closed to everybody without the drill's token."""

import hmac

from covet import Covet
from covet.core.http import JSONResponse, Request, Response
from pydantic import ValidationError

from .leak import Fault, LeakBug
from .pages import BadRequest, Handler, answering, refuse


def add_faults(app: Covet, bug: LeakBug, token: str | None) -> None:
    def for_drills(handler: Handler) -> Handler:
        @answering
        async def check(request: Request) -> Response:
            if token is None:
                return refuse(404, "not_found")
            given = request.get_header("x-drill-token") or ""
            if not hmac.compare_digest(given.encode(), token.encode()):
                return refuse(403, "wrong_drill_token")
            return await handler(request)

        return check

    @app.get("/fault/leak")
    @for_drills
    async def show_leak(_request: Request) -> Response:
        return show(bug)

    @app.post("/fault/leak")
    @for_drills
    async def switch_on(request: Request) -> Response:
        await bug.switch_on(parse_fault(await read_body(request), bug.pool.slots))
        return show(bug, status=202)

    @app.delete("/fault/leak")
    @for_drills
    async def switch_off(_request: Request) -> Response:
        await bug.switch_off()
        return show(bug)


def show(bug: LeakBug, status: int = 200) -> Response:
    sessions = [{"backend_pid": lease.backend_pid, "held_seconds": lease.age} for lease in bug.forgotten]
    fault = bug.fault.model_dump() if bug.fault else None
    return JSONResponse(
        {
            "fault": fault,
            "pending": bug.pending,
            "forgotten_total": bug.forgotten_total,
            "sessions": sessions,
        },
        status_code=status,
    )


async def read_body(request: Request) -> object:
    try:
        return await request.json()
    except ValueError as exc:
        raise BadRequest(f"body is not JSON: {exc}") from exc


def parse_fault(body: object, slots: int) -> Fault:
    """More sessions than slots would leak again after every rescue, which is what per_minute is for."""
    try:
        fault = Fault.model_validate(body)
    except ValidationError as exc:
        raise BadRequest("; ".join(f"{e['loc']}: {e['msg']}" for e in exc.errors())) from exc
    if (fault.sessions or 0) > slots:
        raise BadRequest(f"sessions must not exceed the pool's {slots} slots")
    return fault
