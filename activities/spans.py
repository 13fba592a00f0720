"""Spans that say of a failure what kind it was, and nothing that it said."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer


@contextmanager
def spanning(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    *,
    context: Context | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Iterator[Span]:
    """A span until the block ends.

    A failure is not recorded with its words and its trace, as OpenTelemetry does by itself: a server's
    details may quote rows, and a driver's a piece of the connection string.
    """
    with tracer.start_as_current_span(
        name,
        context,
        kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as failure:
            span.set_status(Status(StatusCode.ERROR, type(failure).__name__))
            raise
