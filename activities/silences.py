"""Silences as Alertmanager keeps them, and whether one is for an alert that it does not list.

It keeps silences over a restart, but no alerts; and it forgets an alert that Prometheus stops to send.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC

from pydantic import AwareDatetime, Field

from activities.expressions import NotKnown, fits
from activities.http_source import Shape
from workflows.models.alert import AlertIdentity
from workflows.models.text import clean

LONGEST_NAME, LONGEST_COMMENT, LONGEST_LABEL = 60, 200, 40
_MOST_DOUBTS = 3
_INERT = {"expired", "pending"}
_MASK = 2**64 - 1


class Silence(Shape):
    """Who wants quiet, until when, and why."""

    by: str = Field(alias="createdBy")
    comment: str
    until: AwareDatetime = Field(alias="endsAt")

    def tell(self) -> str:
        """One sentence. Name and comment are somebody's text: cut, cleaned, and kept inside their quotes."""
        by, why = (
            clean(text, limit).replace('"', "'")
            for text, limit in ((self.by, LONGEST_NAME), (self.comment, LONGEST_COMMENT))
        )
        until = self.until.astimezone(UTC)
        return f'silenced by "{by}" until {until:%Y-%m-%d %H:%M} UTC: "{why}"'


@dataclass(frozen=True)
class Labels:
    """What is known of an alert's labels."""

    certain: Mapping[str, str]
    are_all: bool

    def value(self, name: str) -> str | None:
        """Its value, empty where there is no such label; None where that is not known."""
        return self.certain.get(name, "" if self.are_all else None)


class Matcher(Shape):
    """What a silence asks of one label."""

    name: str
    value: str
    is_regex: bool = Field(alias="isRegex")
    is_equal: bool = Field(alias="isEqual", default=True)

    def accepts(self, labels: Labels) -> bool | None:
        """Whether the label is as asked; None where that cannot be told."""
        value = labels.value(self.name)
        if value is None:
            return None
        try:
            is_so = fits(self.value, value) if self.is_regex else self.value == value
        except NotKnown:
            return None
        return is_so is self.is_equal


class State(Shape):
    """Whether it holds now."""

    state: str


class KeptSilence(Silence):
    """One of all that Alertmanager keeps, those that are over as well."""

    status: State
    matchers: list[Matcher]

    def doubts(self, labels: Labels) -> list[str] | None:
        """The labels by which it cannot be told whether it is for this alert; None where it is not."""
        found = [(matcher.accepts(labels), matcher.name) for matcher in self.matchers]
        if any(is_accepted is False for is_accepted, _name in found):
            return None
        return [name for is_accepted, name in found if is_accepted is None]

    def tell_with(self, doubts: list[str]) -> str:
        """In doubt it holds, and says why that is doubtful."""
        if not doubts:
            return self.tell()
        named = ", ".join(clean(name, LONGEST_LABEL) for name in doubts[:_MOST_DOUBTS])
        return f"{self.tell()}; it may be for another alert, which cannot be told by its {named}"


def labels_of(alert: AlertIdentity, certain: Mapping[str, str]) -> Labels:
    """What comes in is cleaned and cut: whoever took it in says whether its labels are all, and as sent.

    So says the fingerprint, where it is theirs; one that is not says nothing, since anybody can make one up.
    If they are not, those are `certain` by which it was found to be the target's.
    """
    are_all = alert.is_whole or fingerprint(alert.labels) == alert.fingerprint
    return Labels(alert.labels if are_all else {**certain, "alertname": alert.name}, are_all)


def fingerprint(labels: Mapping[str, str]) -> str:
    """As Prometheus computes it: FNV-1a of names and values in order, each with a byte behind it."""
    found = 14695981039346656037
    for name in sorted(labels, key=str.encode):
        for part in (name, labels[name]):
            for byte in part.encode() + b"\xff":
                found = (found ^ byte) * 1099511628211 & _MASK
    return f"{found:016x}"


def first_for(silences: Iterable[KeptSilence], alerts: Iterable[Labels]) -> str | None:
    """A silence that is for one of these alerts, or may be; one that certainly is goes before."""
    known = list(alerts)
    found = [
        (len(doubts), silence.tell_with(doubts))
        for silence in silences
        if silence.status.state not in _INERT
        for labels in known
        if (doubts := silence.doubts(labels)) is not None
    ]
    return min(found)[1] if found else None
