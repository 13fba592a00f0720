"""A trace says of a failure what kind it was, and nothing that it said."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from activities.spans import spanning


def test_a_failure_is_told_by_its_kind_alone() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with pytest.raises(ValueError, match="hunter2"), spanning(tracer, "connect", SpanKind.CLIENT):
        raise ValueError("bad connection string hunter2")
    with spanning(tracer, "query", SpanKind.CLIENT, attributes={"db.system.name": "postgresql"}):
        pass
    failed, done = exporter.get_finished_spans()
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "ValueError")
    assert failed.events == ()
    assert "hunter2" not in failed.to_json()
    assert done.status.status_code is StatusCode.UNSET
    assert done.attributes == {"db.system.name": "postgresql"}
