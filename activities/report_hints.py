"""What applications said of themselves at the first look: hints to the code behind an incident."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from workflows.models.evidence import ApplicationPage, Checkout, Crowd, OwnQuery
from workflows.models.reading import Known, Reading, Unavailable, value_of
from workflows.models.report import Report
from workflows.wording import counted, span

MOST_HINTS = 5


class Hint(NamedTuple):
    """One line: a name or a query in the application's own words, or why there is none."""

    instance: str
    told: str
    text: str = ""


def checkouts(report: Report) -> list[Hint]:
    """Who had a connection for longest, over all instances; then what could not be read."""
    found, unread = _of_every(report, lambda page: page.checkouts)
    longest = sorted(found, key=lambda each: -each[1].held_seconds)[:MOST_HINTS]
    return [*(Hint(name, span(one.held_seconds), one.borrower) for name, one in longest), *unread]


def own_queries(report: Report) -> list[Hint]:
    """The slowest by the applications' own query monitors, each once."""
    found, unread = _of_every(report, lambda page: page.queries)
    slowest: dict[str, tuple[str, OwnQuery]] = {}
    for name, one in sorted(found, key=lambda each: -each[1].mean_seconds):
        slowest.setdefault(one.text, (name, one))
    return [*(Hint(name, _cost(one), one.text) for name, one in list(slowest.values())[:MOST_HINTS]), *unread]


def crowd(report: Report) -> tuple[Crowd, ...]:
    """The groups that have the server's connections, of everybody."""
    reading = _crowd(report)
    return reading.value if isinstance(reading, Known) else ()


def unread_crowd(report: Report) -> str:
    """Why they are not known; empty where they are, or nobody asked."""
    reading = _crowd(report)
    return reading.reason if isinstance(reading, Unavailable) else ""


def _crowd(report: Report) -> Reading[tuple[Crowd, ...]] | None:
    database = value_of(report.evidence.database) if report.evidence else None
    return database.crowd if database else None


def _cost(query: OwnQuery) -> str:
    calls = "" if query.calls is None else f", {counted(query.calls, 'call')}"
    return f"{span(query.mean_seconds)} on average{calls}"


def _of_every[Part: (Checkout, OwnQuery)](
    report: Report, part: Callable[[ApplicationPage], Reading[tuple[Part, ...]] | None]
) -> tuple[list[tuple[str, Part]], list[Hint]]:
    found, unread = list[tuple[str, Part]](), list[Hint]()
    for name, page in _pages(report):
        reading = part(page)
        if isinstance(reading, Known):
            found += [(name, each) for each in reading.value]
        elif isinstance(reading, Unavailable):
            unread.append(Hint(name, f"not known: {reading.reason}"))
    return found, unread


def _pages(report: Report) -> Iterator[tuple[str, ApplicationPage]]:
    application = value_of(report.evidence.application) if report.evidence else None
    for name, page in (application.instances if application else {}).items():
        if isinstance(page, Known):
            yield name, page.value
