"""Our own metrics, in a registry of their own; the Temporal SDK's are shown beside them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from worker.version import VERSION

RESULTS = ("accepted", "malformed", "oversized", "unmatched", "unavailable")


class Meters:
    """What a process counts about itself."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "poolmedic_deliveries",
            "Requests to deliver alerts, by what became of them.",
            ["result"],
            registry=self.registry,
        )
        self.unauthorized = Counter(
            "poolmedic_unauthorized",
            "Requests without a valid token, by the kind of page.",
            ["page"],
            registry=self.registry,
        )
        self.alerts = Counter(
            "poolmedic_alerts",
            "Alerts in accepted deliveries, by what became of them.",
            ["result"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "poolmedic_delivery_seconds",
            "From a delivery's arrival until Temporal had all of it.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
            registry=self.registry,
        )
        self.cut_off = Counter(
            "poolmedic_alerts_cut_off",
            "Alerts that Alertmanager itself left out of deliveries (max_alerts).",
            registry=self.registry,
        )
        self.temporal = Gauge("poolmedic_temporal_up", "Temporal answers.", registry=self.registry)
        self.worker = Gauge("poolmedic_worker_up", "A worker asks for incidents.", registry=self.registry)
        self.pauses = Gauge(
            "poolmedic_pause_time_seconds",
            "When the oldest pause of acts was said that holds yet (Unix time); 0 for none.",
            ["database"],
            registry=self.registry,
        )
        built = Gauge("poolmedic_build_info", "The running version.", ["version"], registry=self.registry)
        built.labels(VERSION).set(1)
        for page in ("alerts", "reading", "links", "codec"):
            self.unauthorized.labels(page)
        for result in RESULTS:
            self.deliveries.labels(result)
        for result in ("placed", "unmatched", "not open", "ignored", "left out"):
            self.alerts.labels(result)

    def render(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
