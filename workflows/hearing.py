"""What an alert's words are worth beside those heard before. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from workflows.models.alert import Alert, AlertStatus

_LONGEST_ON_THE_WAY = timedelta(minutes=1)
_YOUNG = timedelta(minutes=5)
"""After an outage Alertmanager tries every group again within a minute and a half."""


class Heard(NamedTuple):
    """What was last said of an alert; of two words at one moment, `firing` sorts before `resolved`."""

    received_at: datetime
    status: AlertStatus

    def is_overtaken(self, known: "Heard | None") -> bool:
        """Deliveries overtake each other: what was received last holds, of both at once the end.

        None is so long on the way: then two webhooks have two clocks, and what comes last holds.
        """
        return bool(known and self < known and known.received_at - self.received_at <= _LONGEST_ON_THE_WAY)


def is_earlier_start(alert: Alert, opened_at: datetime, age: timedelta, now: datetime) -> bool:
    """Whether an incident of that age began before `opened_at`, by what this alert says of itself.

    The first of several deliveries is not always of the oldest alert. Later on a start of long ago is of an
    alert that was silenced until now, and no reason to call everybody for being late.
    """
    is_before = alert.status is AlertStatus.FIRING and alert.starts_at < opened_at
    return is_before and age <= _YOUNG and alert.is_start_credible(now)
