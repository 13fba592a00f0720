"""What every model shares: frozen values, and durations people can write."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

_DURATION = re.compile(r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+(?:\.\d+)?)s)?")


class Model(BaseModel):
    """A frozen value. Unknown fields are ignored between versions; the configuration file forbids them."""

    model_config = ConfigDict(frozen=True)


def parse_duration(value: object) -> object:
    """Read `90s`, `5m`, `1h30m`; leave everything else to pydantic (seconds, ISO 8601)."""
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())) and value.strip():
        return timedelta(**{unit: float(amount) for unit, amount in found.groupdict(default="0").items()})
    return value


type Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
type Moment = AwareDatetime
