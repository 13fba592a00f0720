"""Answers 5xx per second over all instances: from what was really scraped, and as usual.

A series that is not there yet is no error, where the instance was scraped: `rate` would not know, nor would
it count the first error of a series.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from activities import usual
from activities.missing import Missing, read
from activities.profiles.profile import Profile
from activities.scraped import Asked, Scraped
from workflows.models.reading import Known, Reading

MEANING = "errors_5xx"


def read_now(
    profile: Profile, asked: Mapping[str, Asked], instances: list[str], since: datetime
) -> Reading[float] | None:
    """Over the instances that were scraped since then; None where the profile does not count them."""
    if MEANING not in profile.series.listed():
        return None
    return read(lambda: _total(profile, asked, instances, since))


def read_usual(profile: Profile, asked: Mapping[str, Asked], now: datetime) -> Reading[float] | None:
    """The middle one of the times that are compared with; None where the profile has no template for them."""
    if profile.usual is None or profile.usual.errors_5xx is None:
        return None
    return usual.read_errors(asked, now)


def _total(
    profile: Profile, asked: Mapping[str, Asked], instances: list[str], since: datetime
) -> Known[float]:
    rates = list(_rates(profile, asked, instances, since))
    if not rates:
        raise Missing("Prometheus has not scraped the target in that time")
    return Known(value=sum(rate.value for rate in rates), at=max(rate.at for rate in rates))


def _rates(
    profile: Profile, asked: Mapping[str, Asked], instances: list[str], since: datetime
) -> Iterator[Known[float]]:
    for name in instances:
        scraped = Scraped(name, profile, asked)
        if not scraped.scrapes or scraped.last_at < since:
            continue
        start = scraped.recent_start()
        risen, seconds = scraped.risen(MEANING, start), scraped.scrapes[-1] - start
        if not seconds:
            raise Missing(f"{name} was scraped less than twice in that time")
        yield Known(value=risen.value / seconds, at=risen.at)
