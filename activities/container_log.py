"""The application's own last log lines about its pool, where the configuration says which may be shown."""

from datetime import UTC, datetime

from docker.models.containers import Container

from activities.credentials import mask_credentials
from activities.engine import translated
from activities.literals import mask_literals
from workflows.errors import PoolmedicError
from workflows.models.evidence import LogLine
from workflows.models.reading import Known, Reading, Unavailable
from workflows.models.target import Log
from workflows.models.text import clean

_LINES_READ = 300
_LONGEST_LINE = 4_000
_LONGEST_TOLD = 300


def read_log(container: Container, log: Log, now: datetime) -> Reading[tuple[LogLine, ...]]:
    """The last lines that match, oldest first, without credentials and the literals of any statement.

    Unavailable where the engine keeps no log that can be read: a log driver may send it elsewhere.
    """
    since = now - log.within
    try:
        with translated(f"log of container {container.name}"):
            raw = container.logs(tail=_LINES_READ, since=since, timestamps=True)
    except PoolmedicError as error:
        return Unavailable(reason=error.message)
    lines = (_parse(line) for line in raw.decode("utf-8", "replace").splitlines())
    # The engine counts in whole seconds.
    found = [line for line in lines if line and line[0] >= since and log.pattern.search(line[1])]
    told = tuple(LogLine(at=at, text=_fit(text)) for at, text in found[-log.most :])
    return Known(value=told, at=datetime.now(UTC))


def _fit(text: str) -> str:
    return clean(mask_literals(mask_credentials(text)), _LONGEST_TOLD)


def _parse(line: str) -> tuple[datetime, str] | None:
    """The engine's own time, and what was written; None for the rest of a line that it broke up."""
    stamp, _, text = line[:_LONGEST_LINE].partition(" ")
    try:
        return datetime.fromisoformat(stamp), text
    except ValueError:
        return None
