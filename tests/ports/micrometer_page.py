"""The metrics page of a Spring Boot application with HikariCP, line by line as Micrometer writes it."""

import time

from tests.ports.application_stage import Page

POOL = 'pool="HikariPool-1"'
OK = 'error="none",exception="none",method="GET",outcome="SUCCESS",status="200",uri="/orders"'
BUSY = 'error="none",exception="none",method="GET",outcome="SERVER_ERROR",status="503",uri="/orders"'
BOUNDS = ("0.001", "0.050331646", "0.1", "1.0", "+Inf")
RATE = 20.0


class MicrometerPage:
    """Its figures are the test's to change; requests go on by themselves, twenty a second."""

    def __init__(self, *, is_bare: bool = False) -> None:
        self.is_bare = is_bare
        """Without the histogram of waits, which is Spring's default, and without Spring's own HTTP server."""
        self.active, self.pending, self.timeouts, self.refused = 2, 0, 0, 0
        self.slow = 0
        self._began = time.time()

    async def answer(self, path: str) -> Page | None:
        """The pages that the profile asks for; `/metrics` is where the tests' Prometheus looks."""
        if path == "/actuator/health/db" and self.active == 10:
            return None
        pages = {
            "/metrics": self._metrics(),
            "/actuator/prometheus": self._metrics(),
            "/actuator/health": '{"status":"UP","components":{"db":{"status":"UP"},"ping":{"status":"UP"}}}',
            "/actuator/health/db": '{"status":"UP","details":{"database":"PostgreSQL"}}',
        }
        return ("200 OK", pages[path].encode()) if path in pages else ("404 Not Found", b"")

    def _metrics(self) -> str:
        served = (time.time() - self._began) * RATE
        return "\n".join(
            [
                "# HELP hikaricp_connections_active Active connections",
                "# TYPE hikaricp_connections_active gauge",
                f"hikaricp_connections_active{{{POOL}}} {self.active:.1f}",
                *self._acquired(served),
                "# HELP hikaricp_connections_idle Idle connections",
                "# TYPE hikaricp_connections_idle gauge",
                f"hikaricp_connections_idle{{{POOL}}} {10 - self.active:.1f}",
                "# HELP hikaricp_connections_max Max connections",
                "# TYPE hikaricp_connections_max gauge",
                f"hikaricp_connections_max{{{POOL}}} 10.0",
                "# HELP hikaricp_connections_pending Pending threads",
                "# TYPE hikaricp_connections_pending gauge",
                f"hikaricp_connections_pending{{{POOL}}} {self.pending:.1f}",
                "# HELP hikaricp_connections_timeout_total Connection timeout total count",
                "# TYPE hikaricp_connections_timeout_total counter",
                f"hikaricp_connections_timeout_total{{{POOL}}} {self.timeouts:.1f}",
                "# HELP hikaricp_connections_usage_seconds Connection usage time",
                "# TYPE hikaricp_connections_usage_seconds summary",
                f"hikaricp_connections_usage_seconds_count{{{POOL}}} {served:.0f}",
                f"hikaricp_connections_usage_seconds_sum{{{POOL}}} {served * 0.05}",
                "# HELP http_server_requests_seconds  ",
                "# TYPE http_server_requests_seconds summary",
                *([f"http_server_requests_seconds_count{{{OK}}} {served:.0f}"] if not self.is_bare else []),
                *([f"http_server_requests_seconds_count{{{BUSY}}} {self.refused}"] if self.refused else []),
                "# HELP process_start_time_seconds Start time of the process since unix epoch.",
                "# TYPE process_start_time_seconds gauge",
                f"process_start_time_seconds {self._began}",
                "",
            ]
        )

    def _acquired(self, served: float) -> list[str]:
        kind = "summary" if self.is_bare else "histogram"
        name = "hikaricp_connections_acquire_seconds"
        lines = [f"# HELP {name} Connection acquire time", f"# TYPE {name} {kind}"]
        if not self.is_bare:
            quick = {"0.001": served * 0.99, "0.050331646": served, "0.1": served, "1.0": served}
            lines += [
                f'{name}_bucket{{{POOL},le="{le}"}} {quick.get(le, served + self.slow):.0f}' for le in BOUNDS
            ]
        return [
            *lines,
            f"{name}_count{{{POOL}}} {served + self.slow:.0f}",
            f"{name}_sum{{{POOL}}} {served * 0.0004 + self.slow * 30}",
        ]
