"""What is delivered: alerts of many targets as Alertmanager writes them, some again, some resolved."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

BEGAN = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
SHARE_RESOLVED, SHARE_AGAIN = 0.2, 0.2


@dataclass(frozen=True)
class Alert:
    """One alert of one target; Alertmanager tells alerts apart by fingerprint and start."""

    target: str
    number: int
    is_firing: bool

    @property
    def identity(self) -> tuple[str, datetime]:
        """What a history must hold of it."""
        return f"{self.number:016x}", BEGAN + timedelta(seconds=self.number)

    def write(self) -> dict[str, Any]:
        """As in a delivery."""
        fingerprint, starts_at = self.identity
        return {
            "status": "firing" if self.is_firing else "resolved",
            "labels": {"alertname": "DatabaseConnectionPoolExhausted", "job": self.target},
            "annotations": {"summary": "the pool is exhausted"},
            "startsAt": starts_at.isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": fingerprint,
        }


def draw(number: int, targets: list[str], seed: int) -> Iterator[Alert]:
    """So many alerts: new ones, some of them delivered again, some over."""
    chance = random.Random(f"storm/{seed}/{number}")
    drawn: list[Alert] = []
    for place in range(number):
        kind = chance.random()
        if drawn and kind < SHARE_AGAIN:
            alert = chance.choice(drawn)
        elif drawn and kind < SHARE_AGAIN + SHARE_RESOLVED:
            alert = Alert(chance.choice(drawn).target, chance.choice(drawn).number, is_firing=False)
        else:
            alert = Alert(chance.choice(targets), place, is_firing=True)
        drawn.append(alert)
        yield alert


def payload(alert: Alert) -> dict[str, Any]:
    """A delivery of Alertmanager's webhook, version 4, with this one alert."""
    return {
        "version": "4",
        "groupKey": f"{{}}:{{job={alert.target!r}}}",
        "status": "firing" if alert.is_firing else "resolved",
        "receiver": "poolmedic",
        "groupLabels": {"job": alert.target},
        "commonLabels": {"job": alert.target},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": [alert.write()],
    }
