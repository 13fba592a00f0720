"""Which alert of a delivery belongs to which target: a pure decision over labels."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from worker.config import Configuration, TargetEntry
from worker.delivery import Delivery, ReceivedAlert
from workflows.models.alert import Alert, AlertStatus
from workflows.models.text import clean

LONGEST_SHOWN = 120
MOST_ASKED = 20
"""Targets whose matchers one answer names."""
MOST_TOLD = 20
"""Alerts of no target that one delivery's answer and log explain; the others are counted."""
MOST_OF_ONE = 50
"""Firing alerts of one target in one delivery, and resolved ones: each is a signal, of which Temporal takes
10,000 for an incident, and the answers of people are among them."""


@dataclass(frozen=True)
class Assignment:
    """An alert, bounded in size, and a target it belongs to."""

    target: TargetEntry
    alert: Alert


@dataclass(frozen=True)
class Unmatched:
    """An alert that belongs to no target, and which of its labels said so."""

    path: str
    reason: str
    labels: dict[str, str]


@dataclass(frozen=True)
class Routed:
    """A delivery taken apart: firing alerts come first, so that a resolved one finds their incident.

    Of those of one target the oldest comes first, from whose start the clocks count.
    """

    assignments: tuple[Assignment, ...]
    unmatched: tuple[Unmatched, ...]
    """Firing alerts of no target, the first ones."""
    ignored: int
    """Resolved alerts of no target: nothing is open that they could end."""
    left_out: tuple[tuple[str, int], ...] = ()
    """Targets with too many alerts at once, and how many of them are not handed over."""
    untold: int = 0
    """Further firing alerts of no target."""

    @property
    def strangers(self) -> int:
        """How many firing alerts belong to no target."""
        return len(self.unmatched) + self.untold


def route(delivery: Delivery, configuration: Configuration, now: datetime) -> Routed:
    """Match every alert; the same alert twice in one delivery counts once."""
    assigned: dict[tuple[str, str, AlertStatus], Assignment] = {}
    strangers: list[tuple[int, ReceivedAlert]] = []
    ignored = 0
    for place, received in enumerate(delivery.alerts):
        if targets := _targets(received, configuration):
            alert = bounded(received, now)
            for target in targets:
                assigned.setdefault((target.name, alert.delivery, alert.status), Assignment(target, alert))
        elif received.status is AlertStatus.FIRING:
            strangers.append((place, received))
        else:
            ignored += 1
    kept, left_out = _oldest_and_newest(assigned.values(), now)
    ordered = sorted(kept, key=lambda one: one.alert.status is AlertStatus.RESOLVED)
    unmatched = tuple(_explain(*each, configuration) for each in strangers[:MOST_TOLD])
    return Routed(tuple(ordered), unmatched, ignored, left_out, untold=len(strangers) - len(unmatched))


def _oldest_and_newest(
    assigned: Iterable[Assignment], now: datetime
) -> tuple[list[Assignment], tuple[tuple[str, int], ...]]:
    """The oldest alert of each target, which its clocks count from, the newest, and how many others it has.

    None is lost by it: one firing alert opens the incident as well as a thousand do, all that fire come
    again with the next delivery of their group, and whether the alert is over Prometheus is asked as well.
    """
    own: dict[tuple[str, AlertStatus], list[Assignment]] = {}
    for one in assigned:
        own.setdefault((one.target.name, one.alert.status), []).append(one)
    kept: list[Assignment] = []
    left_out = Counter[str]()
    for (target, _), alerts in own.items():
        oldest, *others = sorted(alerts, key=lambda one: _age(one.alert, now))
        kept += [oldest, *others[max(len(alerts) - MOST_OF_ONE, 0) :]]
        left_out[target] += max(len(alerts) - MOST_OF_ONE, 0)
    return kept, tuple((+left_out).items())


def _age(alert: Alert, now: datetime) -> tuple[bool, datetime]:
    """The oldest first; those whose start cannot be come last, for no clock counts from it."""
    return not alert.is_start_credible(now), alert.starts_at


def _targets(received: ReceivedAlert, configuration: Configuration) -> tuple[TargetEntry, ...]:
    is_ours = received.labels.get("alertname") in configuration.alerts
    return configuration.matching(received.labels) if is_ours else ()


def _explain(place: int, received: ReceivedAlert, configuration: Configuration) -> Unmatched:
    names = ", ".join(configuration.alerts)
    if (name := received.labels.get("alertname")) not in configuration.alerts:
        reason = f"is not an alert that opens an incident; those are: {names}"
        shown = {} if name is None else {"alertname": name}
    else:
        asked = {key for target in configuration.targets for key in target.matchers}
        shown = {key: value for key, value in received.labels.items() if key in asked}
        reason = f"no target's matchers have these values; asked for: {_asked(configuration)}"
    told = {key: clean(value, LONGEST_SHOWN) for key, value in shown.items()}
    return Unmatched(f"alerts[{place}].labels", reason, told)


def _asked(configuration: Configuration) -> str:
    """What each target asks for, with its values."""
    return "; ".join(
        f"{target.name}: {', '.join(f'{label}={value}' for label, value in target.matchers.items())}"
        for target in configuration.targets[:MOST_ASKED]
    ) + (f" and {more} more targets" if (more := len(configuration.targets) - MOST_ASKED) > 0 else "")


def bounded(received: ReceivedAlert, now: datetime) -> Alert:
    """The alert as the incident keeps it."""
    alert = Alert(
        name=received.labels.get("alertname", ""),
        status=received.status,
        fingerprint=received.fingerprint,
        starts_at=received.starts_at,
        labels=received.labels,
        annotations=received.annotations,
        received_at=now,
    )
    return alert.model_copy(update={"is_whole": alert.labels == received.labels})
