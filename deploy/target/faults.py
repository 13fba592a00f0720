"""The drill's switches, `/fault/…`: closed to everybody without the drill's token."""

import hmac
from collections.abc import Callable

from covet import Covet
from covet.core.http import JSONResponse, Request, Response
from pydantic import BaseModel, ValidationError

from .leak import Fault, LeakBug
from .ledger import Lease
from .lock import Lock, LockBug
from .pages import BadRequest, Handler, answering, refuse
from .partner import Delay, Partner

type Gate = Callable[[Handler], Handler]


def add_faults(app: Covet, bug: LeakBug, partner: Partner, locks: LockBug, token: str | None) -> None:
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

    add_leak(app, bug, for_drills)
    add_hold(app, partner, for_drills)
    add_lock(app, locks, for_drills)


def add_leak(app: Covet, bug: LeakBug, for_drills: Gate) -> None:
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


def add_hold(app: Covet, partner: Partner, for_drills: Gate) -> None:
    @app.get("/fault/hold")
    @for_drills
    async def show_hold(_request: Request) -> Response:
        return show_partner(partner)

    @app.post("/fault/hold")
    @for_drills
    async def make_slow(request: Request) -> Response:
        partner.switch_on(parse(Delay, await read_body(request)))
        return show_partner(partner, status=202)

    @app.delete("/fault/hold")
    @for_drills
    async def make_quick(_request: Request) -> Response:
        partner.switch_off()
        return show_partner(partner)


def add_lock(app: Covet, locks: LockBug, for_drills: Gate) -> None:
    @app.get("/fault/lock")
    @for_drills
    async def show_lock(_request: Request) -> Response:
        return JSONResponse({"sessions": show_sessions(locks.holders)})

    @app.post("/fault/lock")
    @for_drills
    async def strike(request: Request) -> Response:
        await locks.strike(parse(Lock, await read_body(request)))
        return JSONResponse({"sessions": show_sessions(locks.holders)}, status_code=202)


def show_sessions(leases: list[Lease]) -> list[dict[str, object]]:
    return [{"backend_pid": lease.backend_pid, "held_seconds": lease.age} for lease in leases]


def show_partner(partner: Partner, status: int = 200) -> Response:
    delay = partner.delay.model_dump() if partner.delay else None
    answer = {"fault": delay, "asking": partner.asking, "answered_late": partner.answered_late}
    return JSONResponse(answer, status_code=status)


def show(bug: LeakBug, status: int = 200) -> Response:
    fault = bug.fault.model_dump() if bug.fault else None
    return JSONResponse(
        {
            "fault": fault,
            "pending": bug.pending,
            "forgotten_total": bug.forgotten_total,
            "sessions": show_sessions(bug.forgotten),
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
    fault = parse(Fault, body)
    if (fault.sessions or 0) > slots:
        raise BadRequest(f"sessions must not exceed the pool's {slots} slots")
    return fault


def parse[Fields: BaseModel](kind: type[Fields], body: object) -> Fields:
    """Take the body as this kind of fault; raises BadRequest."""
    try:
        return kind.model_validate(body)
    except ValidationError as exc:
        raise BadRequest("; ".join(f"{e['loc']}: {e['msg']}" for e in exc.errors())) from exc
