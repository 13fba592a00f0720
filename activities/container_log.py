"""The application's own last log lines about its pool, where the configuration says which may be shown."""

import struct
from datetime import UTC, datetime

from docker.models.containers import Container

from activities.credentials import MASK
from activities.engine import translated
from activities.log_lines import continued, mask_line
from workflows.errors import PoolmedicError
from workflows.models.evidence import LogLine
from workflows.models.reading import Known, Reading, Unavailable
from workflows.models.target import Log
from workflows.models.text import clean

_LINES_READ = 300
_LONGEST_LINE = 8_000
_LONGEST_TOLD = 300
_NO_LOG = (ArithmeticError, LookupError, TypeError, ValueError, struct.error)
"""What the engine's client and the reading here raise over an answer that is no log."""


def read_log(container: Container, log: Log, now: datetime) -> Reading[tuple[LogLine, ...]]:
    """The last lines that match, oldest first, without credentials and the literals of any statement.

    Unavailable where the engine keeps no log that can be read: a log driver may send it elsewhere. One log
    costs no other container its reading, whatever is in it.
    """
    since = now - log.within
    what = f"log of container {container.name}"
    try:
        with translated(what):
            raw = container.logs(tail=_LINES_READ, since=since, timestamps=True)
        return Known(value=_told(raw, log, since), at=datetime.now(UTC))
    except PoolmedicError as error:
        return Unavailable(reason=error.message)
    except _NO_LOG as error:
        return Unavailable(reason=f"{what}: the engine sent what is no log ({type(error).__name__})")


def _told(raw: bytes, log: Log, since: datetime) -> tuple[LogLine, ...]:
    # At a newline alone the engine writes its time anew; whatever else parts lines is the application's own.
    lines = [read for line in raw.decode("utf-8", "replace").split("\n") if (read := _parse(line))]
    found = [
        (at, MASK if is_within else text)
        for (at, text), is_within in zip(lines, continued(text for _, text in lines), strict=True)
        # The engine counts in whole seconds.
        if at >= since and log.pattern.search(text)
    ]
    return tuple(LogLine(at=at, text=_fit(text)) for at, text in found[-log.most :])


def _fit(text: str) -> str:
    return clean(mask_line(text), _LONGEST_TOLD)


def _parse(line: str) -> tuple[datetime, str] | None:
    """The engine's own time, and what was written; None for what has none, as the engine writes it."""
    stamp, _, text = line[:_LONGEST_LINE].partition(" ")
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return None if at.tzinfo is None else (at, text)
