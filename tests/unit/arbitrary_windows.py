"""Arbitrary clear windows."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.unit.arbitrary import amounts, moments, mostly, per_instance, readings
from tests.unit.scenes import NOW
from workflows.models.verdict import InstanceWindow, WindowReading


def windows() -> st.SearchStrategy[WindowReading]:
    """A clear window of five minutes that ends now, mostly complete."""
    begin = NOW - timedelta(minutes=5)
    none = mostly(st.just(0.0), amounts(), 12)
    instance = st.builds(
        InstanceWindow,
        samples=mostly(st.just(20), st.integers(-1, 40), 8),
        first_at=mostly(st.just(begin), moments(), 8),
        last_at=mostly(st.just(NOW), moments(), 8),
        longest_gap_seconds=mostly(st.just(15.0), st.floats(allow_nan=True), 8),
        utilization_max=mostly(st.floats(0, 0.69), st.floats(allow_nan=True), 8),
        wait_p95_max=readings(mostly(st.floats(0, 0.09), amounts(), 8)),
        timeouts=readings(none),
        errors_503=readings(none),
    )
    return st.builds(
        WindowReading,
        since=mostly(st.just(begin), moments(), 8),
        until=st.just(NOW),
        instances=per_instance(instance),
        request_rate=readings(st.just(50.0) | amounts()),
        usual_rate=readings(st.just(50.0)),
    )
