"""Pages for those who may only read: the metrics and the description of the interface."""

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader
from prometheus_client import CONTENT_TYPE_LATEST

from worker.access import Access
from worker.health import Probes
from worker.meters import Meters
from worker.sdk_metrics import SdkMetrics

FREE = frozenset({"health", "links"})
_templates = Environment(loader=PackageLoader("worker"), autoescape=True, trim_blocks=True)


class ReadPages:
    """`/metrics`, `/openapi.json` and `/docs`, each with a token."""

    def __init__(self, meters: Meters, sdk: SdkMetrics, probes: Probes) -> None:
        self._meters, self._sdk, self._probes = meters, sdk, probes
        self._description: dict[str, Any] = {}

    def serve_on(self, app: FastAPI, access: Access) -> None:
        """Add the pages; to be called last, because they describe all the others."""
        router = APIRouter(
            dependencies=[Depends(access)],
            tags=["reading"],
            responses={401: {"description": "No token, or a wrong one."}},
        )
        router.add_api_route("/metrics", self.metrics, summary="Metrics for Prometheus")
        router.add_api_route("/openapi.json", self.describe, summary="The interface, for machines")
        router.add_api_route("/docs", self.explain, summary="The interface, for people")
        app.include_router(router)
        self._description = _with_tokens(app.openapi())

    async def metrics(self) -> Response:
        """Our own metrics, then those of the Temporal SDK."""
        ready, sdk = await asyncio.gather(self._probes.read(), self._sdk.read())
        self._meters.temporal.set(ready.temporal)
        self._meters.worker.set(ready.worker)
        return Response(self._meters.render() + sdk, media_type=CONTENT_TYPE_LATEST)

    async def describe(self) -> JSONResponse:
        """OpenAPI."""
        return JSONResponse(self._description)

    async def explain(self) -> HTMLResponse:
        """OpenAPI as a page without scripts; a browser gives the token as the password of any user."""
        return HTMLResponse(_templates.get_template("interface.html").render(description=self._description))


def _with_tokens(description: dict[str, Any]) -> dict[str, Any]:
    """Says which operations need a token: all but the health pages, and those where a link is one."""
    description.setdefault("components", {})["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
    }
    for methods in description["paths"].values():
        for operation in methods.values():
            if not FREE & {*operation["tags"]}:
                operation["security"] = [{"token": []}]
    return description
