"""What is usual: the middle one of the same time an hour, a day and a week ago, else what is configured.

A time at which a pool was exhausted is no example of the usual; the profile's templates leave it out.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from statistics import median

from activities.missing import read
from activities.profiles.profile import Profile
from activities.scraped import Asked, number
from workflows.models.reading import Known, Reading, Unavailable
from workflows.models.target import Target

RATE, HOLD, ERRORS = "usual request_rate", "usual hold_seconds", "usual errors_5xx"


def rate_questions(profile: Profile, selector: Mapping[str, str]) -> dict[str, str]:
    """Requests per second, at each time to compare with."""
    return _questions(profile, selector, RATE, profile.usual.request_rate if profile.usual else None)


def hold_questions(profile: Profile, selector: Mapping[str, str]) -> dict[str, str]:
    """Mean time a connection is held, at each time to compare with."""
    return _questions(profile, selector, HOLD, profile.usual.hold_seconds if profile.usual else None)


def error_questions(profile: Profile, selector: Mapping[str, str]) -> dict[str, str]:
    """Answers 5xx per second, at each time to compare with."""
    return _questions(profile, selector, ERRORS, profile.usual.errors_5xx if profile.usual else None)


def read_rate(asked: Mapping[str, Asked], target: Target, now: datetime) -> Reading[float]:
    """Requests per second over all instances."""
    return _read(asked, RATE, target.usual.request_rate, now)


def read_hold(asked: Mapping[str, Asked], target: Target, now: datetime) -> Reading[float]:
    """Seconds a connection is held on average."""
    return _read(asked, HOLD, target.usual.hold_seconds, now)


def read_errors(asked: Mapping[str, Asked], now: datetime) -> Reading[float]:
    """Answers 5xx per second over all instances; no decision rests on it, and none is configured."""
    return _read(asked, ERRORS, None, now)


def _questions(
    profile: Profile, selector: Mapping[str, str], kind: str, template: str | None
) -> dict[str, str]:
    if profile.usual is None or template is None:
        return {}
    window = profile.usual.window
    return {
        f"{kind} {ago} ago": profile.query(template, selector, window=window, ago=ago, before=ago + window)
        for ago in profile.usual.ago
    }


def _read(asked: Mapping[str, Asked], kind: str, configured: float | None, now: datetime) -> Reading[float]:
    past = [answer for question, answer in asked.items() if question.startswith(kind)]
    readings = [read(partial(_value, answer, kind, now)) for answer in past]
    measured = [reading.value for reading in readings if isinstance(reading, Known)]
    if measured:
        return Known(value=median(measured), at=now)
    if configured is not None:
        return Known(value=configured, at=now)
    nothing = "" if kind == ERRORS else ", and the configuration names nothing as usual"
    return Unavailable(reason=f"Prometheus holds no comparable time without an exhausted pool{nothing}")


def _value(answer: Asked, kind: str, now: datetime) -> Known[float]:
    return Known(value=number(answer, kind), at=now)
