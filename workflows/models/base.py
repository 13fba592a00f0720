"""What every model shares: frozen values, and durations people can write."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict

_DURATION = re.compile(r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+(?:\.\d+)?)s)?")
_LONGEST = timedelta(days=365)


class Model(BaseModel):
    """A frozen value. Unknown fields are ignored between versions; the configuration file forbids them."""

    model_config = ConfigDict(frozen=True)


def parse_duration(value: object) -> object:
    """Read `90s`, `5m`, `1h30m`; leave everything else to pydantic (seconds, ISO 8601)."""
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())) and value.strip():
        hours, minutes, seconds = (float(amount) for amount in found.groups(default="0"))
        # More could not be added to a date, or not even be held.
        if (hours * 60 + minutes) * 60 + seconds > _LONGEST.total_seconds():
            raise ValueError("should be a year (8760h) at most")
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return value


def in_utc(moment: datetime) -> datetime:
    """The instant in UTC, its only spelling; ValueError where that lies outside the years 1 to 9999."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999 in UTC") from None


type Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
type Moment = Annotated[AwareDatetime, AfterValidator(in_utc)]
