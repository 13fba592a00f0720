"""Instances that Prometheus scrapes and the configuration does not know: nobody asks them."""

from activities.profiles.profile import Profile
from activities.scraped import Asked, answered
from workflows.models.target import Target
from workflows.models.text import clean

MOST = 20
NAME_LENGTH = 80


def unexpected(active: Asked, profile: Profile, target: Target, since: float) -> tuple[str, ...]:
    """Of those with a sample from `since` on (seconds of the epoch); their names come from outside."""
    seen = {
        clean(series.labels.get(profile.instance_label, ""), NAME_LENGTH)
        for series in answered(active)
        if series.samples and series.samples[-1].at >= since
    }
    unknown = seen - {clean(instance.name, NAME_LENGTH) for instance in target.instances}
    return tuple(sorted(unknown)[:MOST])
