"""How full each instance's pool was over an incident, as Prometheus has it."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from activities.missing import Missing
from activities.profiles.profile import Profile
from activities.scraped import Asked, Scraped
from activities.series import Samples
from workflows.models.target import Target

POINTS = 240
"""Of each line, at most; a peak between two of them is not seen, and the clear window does not rest on it."""
DRAWN = ("active", "size")


class Curves(NamedTuple):
    """Utilization by instance, 1 is full; and why, by instance, for those of which there is none."""

    lines: Mapping[str, Samples]
    missing: Mapping[str, str]


class Past(Protocol):
    """Who knows it. Raises one of our errors where nothing can be read at all."""

    def __call__(self, target: Target, since: datetime, until: datetime) -> Awaitable[Curves]:
        """Of every configured instance, between these times."""


def assemble(profile: Profile, target: Target, asked: Mapping[str, Asked]) -> Curves:
    """Every configured instance is in one of the two."""
    lines: dict[str, Samples] = {}
    missing: dict[str, str] = {}
    for instance in target.instances:
        try:
            samples = Scraped(instance.name, profile, asked).utilization()
        except Missing as reason:
            missing[instance.name] = str(reason)
            continue
        if samples:
            lines[instance.name] = samples
        else:
            missing[instance.name] = "Prometheus has no sample of its pool in that time"
    return Curves(lines, missing)
