"""What an application's own monitors say for people: who has connections for longest, which queries are slow.

A text of the application is a stranger's: it is masked and cut here, where it comes in.
"""

from collections.abc import Callable
from datetime import datetime
from heapq import nlargest
from itertools import islice

from activities.credentials import MASK, mask_credentials
from activities.literals import mask_literals
from activities.missing import Missing, count, instant
from activities.pointer import parse, resolve
from activities.profiles.profile import Checkouts, QueriesPage
from workflows.models.evidence import Checkout, OwnQuery
from workflows.models.reading import Known
from workflows.models.text import LONGEST_NAME, clean

MOST_TOLD = 5
MOST_READ = 1000
"""Entries of a page that are looked at; the others cost nothing."""
LONGEST_QUERY = 300
LONGEST_READ = 4000
"""Of a text before it is masked: a literal that is cut off is masked to its end."""
LONGEST_TIME = 366 * 24 * 3600
"""Seconds; what took longer is another unit, or no measurement."""
MILLISECONDS = 1000


def checkouts(document: object, named: Checkouts, at: datetime) -> Known[tuple[Checkout, ...]]:
    """Those held longest, the longest first; Missing where the page shows none as the profile says."""

    def entry(found: object) -> tuple[float, str]:
        return _held(found, named, at), _text(found, named.borrower)

    longest = _largest(document, named.entries, entry)
    told = (Checkout(held_seconds=seconds, borrower=_borrower(name)) for seconds, name in longest)
    return Known(value=tuple(told), at=at)


def queries(body: bytes, page: QueriesPage, at: datetime) -> Known[tuple[OwnQuery, ...]]:
    """The slowest by their mean time, the slowest first; Missing as for `checkouts`."""

    def entry(found: object) -> tuple[float, str, int | None]:
        return _mean(found, page), _text(found, page.text), _calls(found, page)

    slowest = _largest(parse(body), page.entries, entry)
    told = (
        OwnQuery(text=_query(text), mean_seconds=seconds, calls=calls) for seconds, text, calls in slowest
    )
    return Known(value=tuple(told), at=at)


def _largest[Entry: tuple[float, *tuple[object, ...]]](
    document: object, pointer: str, entry: Callable[[object], Entry]
) -> list[Entry]:
    """By what stands first in them. One that cannot be read is left out, unless none can."""
    listed = resolve(document, pointer)
    if not isinstance(listed, list):
        raise Missing(f"what the page has at {pointer} is no list")
    entries, reason = list[Entry](), Missing()
    for found in islice(listed, MOST_READ):
        try:
            entries.append(entry(found))
        except Missing as missing:
            reason = missing
    if listed and not entries:
        raise Missing(f"the page has no entry at {pointer or 'its top'} that can be read: {reason}")
    return nlargest(MOST_TOLD, entries, key=lambda each: each[0])


def _held(found: object, named: Checkouts, at: datetime) -> float:
    if named.since is not None:
        began = instant(resolve(found, named.since), named.since)
        return max((at - began).total_seconds(), 0.0)
    return _amount(found, named.held_seconds or "")


def _mean(found: object, page: QueriesPage) -> float:
    if page.mean_milliseconds is not None:
        return _amount(found, page.mean_milliseconds, LONGEST_TIME * MILLISECONDS) / MILLISECONDS
    return _amount(found, page.mean_seconds or "")


def _calls(found: object, page: QueriesPage) -> int | None:
    try:
        return None if page.calls is None else count(resolve(found, page.calls), page.calls)
    except Missing:
        return None


def _amount(found: object, pointer: str, most: float = LONGEST_TIME) -> float:
    value = resolve(found, pointer)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most:
        return float(value)
    raise Missing(f"{pointer} is no amount of time")


def _text(found: object, pointer: str) -> str:
    value = resolve(found, pointer)
    if not isinstance(value, str) or not value.strip():
        raise Missing(f"{pointer} is no text")
    return value


def _query(text: str) -> str:
    return clean(mask_literals(text[:LONGEST_READ]), LONGEST_QUERY) or MASK


def _borrower(name: str) -> str:
    """Of the address of a page without what its user asked for."""
    return clean(mask_credentials(name[:LONGEST_READ].partition("?")[0]), LONGEST_NAME) or MASK
