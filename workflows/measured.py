"""What was measured between the fix and now, and whether it is complete enough to be judged."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from math import ceil, floor

from workflows.models.base import Moment
from workflows.models.evidence import ApplicationPage, ApplicationReading, ContainersReading, ContainerState
from workflows.models.policy import ClearWindow, Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.target import Target
from workflows.models.verdict import InstanceWindow, WindowReading
from workflows.readings import fresh, pages_of
from workflows.wording import span

_NOT_SEEN = Unavailable(reason="the window's reading does not mention it")
_ROUNDING = timedelta(milliseconds=1)
"""Prometheus keeps milliseconds."""


def longest_pause(clear: ClearWindow) -> timedelta:
    """Between two scrapes: from longer ones no window has the samples that it must have to be judged."""
    expected = floor(clear.length / clear.step)
    return min(clear.length / max(ceil(clear.samples * expected), 1), clear.gap_steps * clear.step)


@dataclass(frozen=True)
class Measured:
    """The clear window, a look at its end, and the containers where they were asked."""

    window: Known[WindowReading] | Unavailable
    application: Known[ApplicationReading] | Unavailable
    runtime: Known[ContainersReading] | Unavailable | None
    target: Target
    policy: Policy
    since: Moment
    now: Moment
    is_resolved: bool = False
    """Alertmanager said that the alert is over."""

    @cached_property
    def windows(self) -> dict[str, Known[InstanceWindow] | Unavailable]:
        """Every configured instance over the window, and every other one that was seen in it."""
        names = [instance.name for instance in self.target.instances]
        if isinstance(self.window, Unavailable):
            return dict.fromkeys(names, self.window)
        seen = self.window.value.instances
        return {name: seen.get(name, _NOT_SEEN) for name in [*names, *sorted(set(seen) - set(names))]}

    @cached_property
    def pages(self) -> dict[str, Known[ApplicationPage] | Unavailable]:
        """What every configured instance says of itself at the window's end."""
        return pages_of(self.application, self.target, self.policy, self.now)

    @cached_property
    def containers(self) -> dict[str, Known[ContainerState] | Unavailable]:
        """The container of every instance that has one, where they were asked."""
        if self.runtime is None:
            return {}
        names = [instance.name for instance in self.target.instances if instance.container]
        reading = fresh(self.runtime, self.now, self.policy.thresholds.fresh_for)
        if isinstance(reading, Unavailable):
            return dict.fromkeys(names, reading)
        return {name: reading.value.instances.get(name, _NOT_SEEN) for name in names}

    def gap_in_window(self) -> str | None:
        """Why the window as a whole cannot be judged: too short, from before the fix, too old."""
        if isinstance(self.window, Unavailable):
            return self.window.reason
        window, length = self.window.value, self.policy.clear_window.length
        if window.since < self.since - _ROUNDING:
            return f"it begins {span(self.since - window.since)} before the fix"
        if window.until - window.since < length - _ROUNDING:
            return f"it is {span(window.until - window.since)} long, {span(length)} are asked for"
        age, limit = self.now - window.until, self.policy.thresholds.fresh_for
        if not -limit <= age <= limit:
            return f"it ended {span(abs(age))} away from now"
        return None

    def gap_in(self, seen: InstanceWindow, window: WindowReading) -> str | None:
        """Why one instance's samples cannot be judged: too few, from before the fix, with a hole."""
        clear = self.policy.clear_window
        expected = floor((window.until - window.since) / clear.step)
        ends = max(seen.first_at - window.since, window.until - seen.last_at)
        longest = (clear.gap_steps * clear.step).total_seconds()
        holes = seen.longest_gap_seconds, ends.total_seconds()
        if seen.first_at < window.since - _ROUNDING:
            return "its first sample is from before the fix"
        if not seen.samples >= clear.samples * expected or seen.samples < 1:
            return f"{seen.samples} of {expected} expected samples"
        if not all(hole <= longest for hole in holes):  # a hole that is no number is one
            return f"nothing was seen for {span(max(holes))}"
        return None
