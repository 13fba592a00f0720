"""A body with more faults than anybody reads: refused in no time, whatever it repeats."""

import json
import time
from typing import Any

import pytest

from worker.body import DELIVERY
from worker.delivery import Malformed, read_delivery

ALERT = {
    "status": "firing",
    "labels": {"alertname": "DatabaseConnectionPoolExhausted"},
    "startsAt": "2026-05-04T03:02:01.5Z",
    "fingerprint": "c0ffee0123456789",
}
MANY = {f"l{number}": number for number in range(60_000)}


def delivery(*alerts: Any) -> bytes:
    body = json.dumps({"version": "4", "alerts": alerts}).encode()
    assert len(body) <= DELIVERY.largest
    return body


@pytest.mark.parametrize(
    ("body", "first"),
    [
        (delivery(*[{}] * 200_000), "alerts[0].status"),
        (delivery(*[1] * 300_000), "alerts[0]"),
        (delivery(ALERT | {"labels": MANY}), "alerts[0].labels.l0"),
        (delivery(ALERT | {"annotations": MANY}), "alerts[0].annotations.l0"),
    ],
)
def test_a_body_of_faults_is_refused_at_once(body: bytes, first: str) -> None:
    began = time.process_time()
    with pytest.raises(Malformed) as malformed:
        read_delivery(body)
    assert time.process_time() - began < 0.3
    assert malformed.value.faults[0][0] == first
    assert len(malformed.value.faults) <= len(ALERT)


def test_every_fault_of_an_alert_is_told_and_a_large_delivery_is_taken() -> None:
    with pytest.raises(Malformed) as malformed:
        read_delivery(delivery(ALERT, {}))
    assert {path for path, _ in malformed.value.faults} == {f"alerts[1].{name}" for name in ALERT}
    many = [ALERT | {"fingerprint": f"{number}"} for number in range(5_000)]
    assert len(read_delivery(delivery(*many)).alerts) == len(many)
