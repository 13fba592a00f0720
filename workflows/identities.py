"""The alerts of one incident, as far as a silence has to be compared with them."""

from workflows.models.alert import Alert, AlertIdentity

_MOST = 100
_ROOM = 100_000
"""Characters of labels in all: they go along with every question and every act."""
_ANY = ""
"""Instead of those that are too many: an alert of which nothing is known but its name."""


class Identities:
    """By fingerprint and labels, which one alert keeps however often it fires.

    A fingerprint alone is what somebody says: one that is made up must not stand in another alert's place.
    """

    def __init__(self, first: Alert) -> None:
        self._known: dict[object, AlertIdentity] = {}
        self._room = _ROOM
        self.add(first)

    def add(self, alert: Alert) -> None:
        """Labels that there is no room for are left out, and whoever compares them is in doubt."""
        key = (alert.fingerprint, alert.is_whole, tuple(sorted(alert.labels.items())))
        if key in self._known:
            return
        length = sum(len(name) + len(value) for name, value in alert.labels.items())
        if len(self._known) >= _MOST:
            self._known[_ANY] = AlertIdentity(name=alert.name)
        elif length > self._room:
            self._known[key] = AlertIdentity(name=alert.name, fingerprint=alert.fingerprint)
        else:
            self._room -= length
            self._known[key] = AlertIdentity(
                name=alert.name,
                fingerprint=alert.fingerprint,
                labels=alert.labels,
                is_whole=alert.is_whole,
            )

    @property
    def known(self) -> tuple[AlertIdentity, ...]:
        """The first ones, and where there are more one that stands for them."""
        return tuple(self._known.values())
