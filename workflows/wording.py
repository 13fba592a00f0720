"""Numbers as people read them at night: with units, rounded, never more exact than they were measured."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

_MOST_LISTED = 20


def span(length: timedelta | float) -> str:
    """A length of time; a number is seconds."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    if not 0 <= seconds < 3600 * 24 * 365:
        return f"{seconds:.0f} s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def percent(share: float) -> str:
    """A share of 1 with one digit where it matters: 94.96 % is not 95 %."""
    return f"{share * 100:.1f} %"


def size(number: int) -> str:
    """An amount of data; `number` is bytes."""
    amount = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TB"


def counted(number: int, noun: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def fired(times: int) -> tuple[str, ...]:
    """How often the alert fired in an incident, where that is worth a word."""
    return (f"The alert fired {times} times in this incident, every instance counted.",) if times > 1 else ()


def unread(missing: Iterable[str]) -> tuple[str, ...]:
    """A sentence each for what is missing."""
    return tuple(f"Could not be read: {each}." for each in missing)


def listed(words: Iterable[object]) -> str:
    """A list that stays readable: what is cut is counted."""
    every: Sequence[str] = [str(word) for word in words]
    shown = ", ".join(every[:_MOST_LISTED])
    return f"{shown} and {len(every) - _MOST_LISTED} more" if len(every) > _MOST_LISTED else shown
