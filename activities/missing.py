"""A value that is not there: raised where that is found out, turned into a reading at the reading's edge."""

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from workflows.models.reading import Known, Unavailable

HIGHEST = 2**53
"""Above it a float, which is what every metric is, can't count any more."""
LAST_TIME = datetime(2200, 1, 1, tzinfo=UTC).timestamp()
_TIME = TypeAdapter[datetime](AwareDatetime)


class Missing(Exception):
    """There is no value; the message is the reason, for a person."""


def read[T](compute: Callable[[], Known[T]]) -> Known[T] | Unavailable:
    """A reading, from a computation that may find nothing."""
    try:
        return compute()
    except Missing as missing:
        return Unavailable(reason=str(missing))


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a time; Missing when it can't be one."""
    if not 0 < seconds < LAST_TIME:
        raise Missing(f"{seconds} is no time")
    return datetime.fromtimestamp(seconds, UTC)


def instant(value: object, what: str) -> datetime:
    """A time with its zone, or seconds since the epoch; Missing for everything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return moment(value)
    if not isinstance(value, str):
        raise Missing(f"{what} is no time")
    try:
        return _TIME.validate_python(value)
    except ValidationError:
        raise Missing(f"{what} is no time") from None


def count(value: object, what: str) -> int:
    """A whole number from 0 on; Missing for everything else, a truth value too."""
    if isinstance(value, int | float) and not isinstance(value, bool) and _is_whole(value):
        return int(value)
    raise Missing(f"{what} is not a count")


def _is_whole(number: float) -> bool:
    return 0 <= number <= HIGHEST and number // 1 == number
