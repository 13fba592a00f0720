"""What a delivery is answered, and with which status: Alertmanager repeats on 5xx alone."""

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from worker.delivery import Malformed
from worker.errors import TemporalUnavailable
from worker.intake import Placed
from worker.routing import MOST_OF_ONE, MOST_TOLD, Routed, Unmatched

RETRY_SECONDS = 5


class Receipt(BaseModel):
    """What became of a delivery."""

    detail: str
    placed: tuple[Placed, ...] = ()
    """Alerts that Temporal has; without a workflow's id: resolved, and no incident was open."""
    unmatched: tuple[Unmatched, ...] = ()
    """Firing alerts of no configured target, the first ones."""
    untold: int = 0
    """Further firing alerts of no configured target."""
    ignored: int = 0
    """Resolved alerts of no configured target."""


class FieldFault(BaseModel):
    """One thing wrong with the body."""

    path: str
    message: str


class Problem(BaseModel):
    """Why nothing, or not everything, was taken."""

    detail: str
    faults: tuple[FieldFault, ...] = ()


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": f"Temporal has every alert; of one target the newest {MOST_OF_ONE} of each status."},
    400: {"model": Problem, "description": "The body is not JSON. Nothing was started."},
    401: {"model": Problem, "description": "No token, or a wrong one. Nothing was started."},
    408: {"model": Problem, "description": "The body did not arrive in time. Nothing was started."},
    413: {"model": Problem, "description": "The body is over 1 MiB. Nothing was started."},
    422: {
        "model": Receipt | Problem,
        "description": "A field is wrong, and nothing was started; "
        "or alerts belong to no target, and `detail` says whether there were others, which were taken. "
        f"The first {MOST_TOLD} of no target are explained, `untold` counts the rest.",
    },
    503: {"model": Problem, "description": "Temporal has not taken every alert: deliver the same again."},
}


def confirm(routed: Routed, placed: tuple[Placed, ...]) -> JSONResponse:
    """200; or 422, never to be repeated, when alerts belong to no target."""
    receipt = Receipt(
        detail=_unmatched(routed.strangers, has_others=bool(placed)) if routed.unmatched else "taken",
        placed=placed,
        unmatched=routed.unmatched,
        untold=routed.untold,
        ignored=routed.ignored,
    )
    return JSONResponse(receipt.model_dump(mode="json"), 422 if routed.unmatched else 200)


def _unmatched(number: int, *, has_others: bool) -> str:
    belong = "firing alert belongs" if number == 1 else "firing alerts belong"
    others = "the others were taken" if has_others else "nothing was taken"
    return f"{number} {belong} to no configured target; {others}"


async def tell_malformed(_request: Request, malformed: Exception) -> JSONResponse:
    """The answer to a body that is not a delivery: faults with their paths."""
    assert isinstance(malformed, Malformed)  # noqa: S101 - registered for this class alone
    faults = tuple(FieldFault(path=path, message=message) for path, message in malformed.faults)
    detail = "a field is not as Alertmanager sends it" if malformed.is_json else "the body is not JSON"
    problem = Problem(detail=f"{detail}; nothing was started", faults=faults)
    return JSONResponse(problem.model_dump(mode="json"), 422 if malformed.is_json else 400)


def refuse(failure: TemporalUnavailable) -> JSONResponse:
    """503: the same delivery is to come again; what was handed over already is known by then."""
    problem = Problem(detail=str(failure)).model_dump(mode="json")
    return JSONResponse(problem, 503, {"Retry-After": str(RETRY_SECONDS)})
