"""Times of the week in which people work on the system, and nothing else may."""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from workflows.models.base import Model, Moment


class Day(StrEnum):
    """In the order in which `datetime.weekday` counts them."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


_WEEK = tuple(Day)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone that this machine knows, such as Europe/Berlin or UTC") from None
    return name


def _clock(given: object) -> object:
    """A number would be read as seconds, which nobody means."""
    if isinstance(given, int | float):
        raise ValueError('should be a time in quotes, such as "22:00"')  # noqa: TRY004 - pydantic's
    return given


def _local(given: time) -> time:
    if given.tzinfo is not None:
        raise ValueError("should have no offset; say it in `timezone`")
    return given


_WRITTEN = WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"})
"""The schema's own format for a time would ask for an offset."""
type Clock = Annotated[time, BeforeValidator(_clock), AfterValidator(_local), _WRITTEN]


class Window(Model):
    """From one time of day to another, which may lie on the next day, on these days of the week."""

    begins: Clock
    ends: Clock
    """Not after `begins`: on the next day."""
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = _WEEK
    """On which it begins; every day where this is left out."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"

    def end(self, now: Moment) -> datetime | None:
        """When the window that it is now ends, in UTC; None outside of it."""
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            last = day + timedelta(days=self.ends <= self.begins)
            begins = datetime.combine(day, self.begins, zone).astimezone(UTC)
            ends = datetime.combine(last, self.ends, zone).astimezone(UTC)
            if _WEEK[day.weekday()] in self.days and begins <= now < ends:
                return ends
        return None
