"""Traces by OpenTelemetry, and the Temporal SDK's runtime with its metrics and its logs."""

import logging
import os
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio.contrib.opentelemetry import (
    OpenTelemetryPlugin,
    ReplaySafeTracerProvider,
    create_tracer_provider,
)
from temporalio.plugin import SimplePlugin
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from worker.version import VERSION

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_MILLISECONDS = 3000


class Tracing:
    """One trace from the POST to the SQL statement, exported by OTLP where an endpoint is configured."""

    def __init__(self, provider: ReplaySafeTracerProvider | None) -> None:
        self._provider = provider

    @property
    def plugins(self) -> list[SimplePlugin]:
        """For the Temporal client, and only for it: a worker takes over what its client has."""
        return [OpenTelemetryPlugin(add_temporal_spans=True)] if self._provider else []

    def end(self) -> None:
        """Export what is left; a collector that does not answer is given up after three seconds."""
        if self._provider:
            self._provider.force_flush(_FLUSH_MILLISECONDS)


def start_tracing(environment: Mapping[str, str] = os.environ) -> Tracing:
    """Set the process's tracer provider, if the environment names a collector (`OTEL_…`)."""
    is_disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_disabled or not any(environment.get(name) for name in _ENDPOINTS):
        return Tracing(None)
    name = environment.get("OTEL_SERVICE_NAME", "poolmedic")
    provider = create_tracer_provider(
        resource=Resource.create({SERVICE_NAME: name, SERVICE_VERSION: VERSION}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return Tracing(provider)


def new_runtime(metrics: PrometheusConfig | None = None) -> Runtime:
    """The Temporal SDK's runtime, one per process; its logs come with ours instead of standard output."""
    logs = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporal")),
    )
    return Runtime(telemetry=TelemetryConfig(logging=logs, metrics=metrics))
