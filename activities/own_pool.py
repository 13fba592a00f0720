"""An application's own word on its pool: from the page made for it, else from its metrics."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from activities import own_monitors
from activities.exposition import Exposition
from activities.missing import Missing, count, instant, moment, read
from activities.pointer import parse, resolve
from activities.profiles.profile import PoolPage
from workflows.models.evidence import Checkout, PoolState
from workflows.models.reading import Known, Reading, Unavailable, value_of


@dataclass(frozen=True)
class OwnPool:
    """The parts of `ApplicationPage` that concern the pool."""

    pool: Reading[PoolState]
    timeouts_total: Reading[float]
    started_at: Reading[datetime]
    generation: int | None = None
    checkouts: Reading[tuple[Checkout, ...]] | None = None

    @classmethod
    def unavailable(cls, reason: str) -> "OwnPool":
        """Nothing could be read, for one reason."""
        gone = Unavailable(reason=reason)
        return cls(pool=gone, timeouts_total=gone, started_at=gone, checkouts=gone)


def read_page(body: bytes, page: PoolPage, at: datetime) -> OwnPool:
    """Each number by its pointer; Missing when the body is no JSON at all."""
    document = parse(body)

    def number(pointer: str | None) -> int:
        if pointer is None:
            raise Missing("the metric profile has no pointer for it")
        return count(resolve(document, pointer), f"what the page has at {pointer}")

    own = _compose(
        at,
        active=partial(number, page.active),
        idle=partial(number, page.idle),
        size=partial(number, page.size),
        waiters=partial(number, page.waiters),
        in_flight=partial(number, page.in_flight),
        timeouts=partial(number, page.timeouts_total),
        generation=partial(number, page.generation),
        started_at=lambda: _started(document, page),
    )
    if page.checkouts is None:
        return own
    named = page.checkouts
    return replace(own, checkouts=read(lambda: own_monitors.checkouts(document, named, at)))


def read_metrics(exposition: Exposition, at: datetime) -> OwnPool:
    """The same from the metrics that Prometheus would scrape."""

    def number(meaning: str) -> int:
        return count(exposition.gauge(meaning), meaning)

    return _compose(
        at,
        active=partial(number, "active"),
        idle=partial(number, "idle"),
        size=partial(number, "size"),
        waiters=partial(number, "waiters"),
        in_flight=partial(number, "in_flight"),
        timeouts=partial(exposition.counter, "timeouts"),
        generation=partial(number, "generation"),
        started_at=lambda: moment(exposition.gauge("started_at")),
    )


def _compose(
    at: datetime,
    *,
    active: Callable[[], int],
    idle: Callable[[], int],
    size: Callable[[], int],
    waiters: Callable[[], int],
    in_flight: Callable[[], int],
    timeouts: Callable[[], float],
    generation: Callable[[], int],
    started_at: Callable[[], datetime],
) -> OwnPool:
    def known[T](compute: Callable[[], T]) -> Known[T] | Unavailable:
        return read(lambda: Known(value=compute(), at=at))

    def pool() -> PoolState:
        return PoolState(
            active=active(),
            idle=idle(),
            size=size(),
            waiters=value_of(known(waiters)),
            in_flight=value_of(known(in_flight)),
        )

    return OwnPool(
        pool=known(pool),
        timeouts_total=known(timeouts),
        started_at=known(started_at),
        generation=value_of(known(generation)),
    )


def _started(document: object, page: PoolPage) -> datetime:
    if page.started_at is None:
        raise Missing("the metric profile has no pointer for the start of the process")
    return instant(resolve(document, page.started_at), "the start of the process")
