"""`POST /alerts`: where Alertmanager delivers. 2xx only once Temporal has every alert."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog
from fastapi import Depends, FastAPI, HTTPException, Request, status
from fastapi.responses import JSONResponse
from opentelemetry import propagate, trace

from activities.spans import spanning
from worker.access import Access
from worker.answers import ANSWERS, Receipt, confirm, refuse
from worker.body import DELIVERY, read_body
from worker.delivery import Delivery, Malformed, read_delivery, schema_in_one
from worker.errors import TemporalUnavailable
from worker.intake import Intake, Placed
from worker.meters import Meters
from worker.routing import Routed, route

_BODY = {"required": True, "content": {"application/json": {"schema": schema_in_one(Delivery)}}}
_log = structlog.get_logger("poolmedic.webhook")
_tracer = trace.get_tracer("poolmedic.webhook")


class Webhook:
    """Takes deliveries."""

    def __init__(self, intake: Intake, meters: Meters) -> None:
        self._intake, self._meters = intake, meters

    def serve_on(self, app: FastAPI, access: Access) -> None:
        """Add `POST /alerts` for those who have a token."""
        app.add_api_route(
            "/alerts",
            self.deliver,
            methods=["POST"],
            tags=["alerts"],
            summary="Deliver alerts (Alertmanager webhook, version 4)",
            response_model=Receipt,
            responses=ANSWERS,
            dependencies=[Depends(access)],
            openapi_extra={"requestBody": _BODY},
        )

    async def deliver(self, request: Request) -> JSONResponse:
        """Each firing alert starts its target's incident or joins it; a resolved one only joins."""
        with self._meters.seconds.time(), self._span(request) as span:
            delivery = await self._read(request)
            routed = route(delivery, self._intake.configuration, datetime.now(UTC))
            span.set_attribute("poolmedic.targets", sorted({one.target.name for one in routed.assignments}))
            try:
                placed = await self._intake.place(routed.assignments)
            except TemporalUnavailable as failure:
                return self._refuse(failure)
            return self._confirm(routed, placed)

    @contextmanager
    def _span(self, request: Request) -> Iterator[trace.Span]:
        context = propagate.extract(dict(request.headers))
        with spanning(_tracer, "POST /alerts", trace.SpanKind.SERVER, context=context) as span:
            yield span

    async def _read(self, request: Request) -> Delivery:
        try:
            delivery = read_delivery(await read_body(request, DELIVERY))
        except Malformed as malformed:
            self._count("malformed")
            _log.warning("delivery malformed", faults=[path for path, _ in malformed.faults])
            raise
        except HTTPException as refusal:
            too_large = refusal.status_code == status.HTTP_413_CONTENT_TOO_LARGE
            self._count("oversized" if too_large else "malformed")
            _log.warning("delivery refused", reason=refusal.detail)
            raise
        if delivery.truncated_alerts:
            self._meters.cut_off.inc(delivery.truncated_alerts)
            _log.warning("Alertmanager left alerts out; raise max_alerts", alerts=delivery.truncated_alerts)
        return delivery

    def _refuse(self, failure: TemporalUnavailable) -> JSONResponse:
        self._count("unavailable")
        _log.error("delivery not taken", reason=str(failure))
        return refuse(failure)

    def _confirm(self, routed: Routed, placed: tuple[Placed, ...]) -> JSONResponse:
        self._meters.alerts.labels("placed").inc(sum(one.workflow_id is not None for one in placed))
        self._meters.alerts.labels("not open").inc(sum(one.workflow_id is None for one in placed))
        self._meters.alerts.labels("unmatched").inc(routed.strangers)
        self._meters.alerts.labels("ignored").inc(routed.ignored)
        self._meters.alerts.labels("left out").inc(sum(number for _, number in routed.left_out))
        self._count("unmatched" if routed.unmatched else "accepted")
        for target, number in routed.left_out:
            _log.warning(
                "too many alerts of one target; the oldest and the newest were taken",
                target=target,
                left_out=number,
            )
        if routed.unmatched:
            # Many share a reason, which is long.
            _log.warning(
                "alerts of no target",
                number=routed.strangers,
                reasons=sorted({one.reason for one in routed.unmatched}),
                first=[{"path": one.path, "labels": one.labels} for one in routed.unmatched],
            )
        _log.info("delivery taken", placed=[(one.target, str(one.status)) for one in placed])
        return confirm(routed, placed)

    def _count(self, result: str) -> None:
        self._meters.deliveries.labels(result).inc()
