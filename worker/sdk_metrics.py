"""The Temporal SDK's own metrics: served on a port of their own, shown by `/metrics` beside ours."""

import socket

import httpx
from temporalio.runtime import PrometheusConfig

PATIENCE = 1.0
LOOPBACK = "127.0.0.1"
_MINUTES = [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]
"""Seconds: an incident lasts minutes, and the SDK's own buckets end where it begins."""


def free_port() -> int:
    """A port that was free a moment ago: the SDK does not tell which one it took when left to choose."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def exposure(port: int) -> PrometheusConfig:
    """How the SDK serves its metrics: in seconds, with the usual names, for this machine only."""
    return PrometheusConfig(
        bind_address=f"{LOOPBACK}:{port}",
        durations_as_seconds=True,
        counters_total_suffix=True,
        unit_suffix=True,
        histogram_bucket_overrides={"workflow_endtoend_latency": _MINUTES},
    )


class SdkMetrics:
    """Reads what the SDK serves."""

    def __init__(self, port: int) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{port}", timeout=PATIENCE, trust_env=False
        )

    async def read(self) -> bytes:
        """The SDK's metrics as text, or a comment that says why there are none."""
        try:
            answer = await self._client.get("/metrics")
            answer.raise_for_status()
        except httpx.HTTPError as error:
            return f"# the Temporal SDK's metrics are unavailable: {type(error).__name__}\n".encode()
        return answer.content

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
