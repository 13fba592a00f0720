"""Requests per second over all instances, however short the time is for which they have been scraped.

`rate` divides by its whole window: of a target that has been scraped for ten seconds of a minute it tells a
sixth. Here each instance's rate is put in relation to the time for which it was really seen.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from activities.missing import Missing, moment
from activities.profiles.profile import Profile
from activities.scraped import Asked, answered
from activities.series import usual_pause
from workflows.models.reading import Known

SHORT, LONG = "request_rate", "request_rate over longer"
LONGER = 5
"""Scraped once a minute, a window of a minute holds one sample and no rate: then one so many times longer."""


def questions(profile: Profile, selector: Mapping[str, str], window: timedelta) -> dict[str, str]:
    """The rate over the window; none where the profile has no template."""
    template = profile.queries.request_rate
    return {} if template is None else {SHORT: profile.query(template, selector, window=window)}


def questions_now(profile: Profile, selector: Mapping[str, str]) -> dict[str, str]:
    """The rate over the recent window, and over a longer one to fall back on."""
    template = profile.queries.request_rate
    if template is None:
        return {}
    longer = {LONG: profile.query(template, selector, window=LONGER * profile.recent)}
    return questions(profile, selector, profile.recent) | longer


def read_window(
    profile: Profile, asked: Mapping[str, Asked], until: datetime, window: timedelta
) -> Known[float]:
    """Mean over the window; Missing when no instance was scraped twice in it."""
    return _total(profile, asked, SHORT, until, window)


def read_now(profile: Profile, asked: Mapping[str, Asked], now: datetime) -> Known[float]:
    """The rate of now."""
    try:
        return _total(profile, asked, SHORT, now, profile.recent)
    except Missing:
        return _total(profile, asked, LONG, now, LONGER * profile.recent)


def _total(
    profile: Profile, asked: Mapping[str, Asked], question: str, end: datetime, window: timedelta
) -> Known[float]:
    if question not in asked:
        raise Missing(profile.lacks("queries.request_rate"))
    start, label = (end - window).timestamp(), profile.instance_label
    scrapes = _scrapes(asked["active"], label, start)
    rates = {series.labels.get(label, ""): series.samples[-1].value for series in answered(asked[question])}
    seen = [at for times in scrapes.values() for at in times]
    if not rates or not seen:
        raise Missing("Prometheus has no data for the traffic")
    if not all(math.isfinite(rate) for rate in rates.values()):
        raise Missing("the traffic is not a number")
    length = window.total_seconds()
    total = sum(rate * length / _seen(scrapes.get(name, ()), length) for name, rate in rates.items())
    return Known(value=total, at=moment(max(seen)))


def _scrapes(active: Asked, label: str, start: float) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for series in answered(active):
        times = [sample.at for sample in series.samples if sample.at >= start]
        found.setdefault(series.labels.get(label, ""), []).extend(times)
    return found


def _seen(times: Sequence[float], length: float) -> float:
    """For how many seconds of the window `rate` counted: it goes up to half a pause beyond either end."""
    pause = usual_pause(sorted(times))
    return length if pause is None else min(max(times) - min(times) + pause / 2, length)
