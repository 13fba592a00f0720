"""An application's own word on its pool: from the page made for it, else from its metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from activities.exposition import Exposition
from activities.missing import Missing, count, moment, read
from activities.pointer import parse, resolve
from activities.profiles.profile import PoolPage
from workflows.models.evidence import PoolState
from workflows.models.reading import Known, Reading, Unavailable, value_of

_TIME = TypeAdapter[datetime](AwareDatetime)


@dataclass(frozen=True)
class OwnPool:
    """The parts of `ApplicationPage` that concern the pool."""

    pool: Reading[PoolState]
    timeouts_total: Reading[float]
    started_at: Reading[datetime]
    generation: int | None = None

    @classmethod
    def unavailable(cls, reason: str) -> "OwnPool":
        """Nothing could be read, for one reason."""
        gone = Unavailable(reason=reason)
        return cls(pool=gone, timeouts_total=gone, started_at=gone)


def read_page(body: bytes, page: PoolPage, at: datetime) -> OwnPool:
    """Each number by its pointer; Missing when the body is no JSON at all."""
    document = parse(body)

    def number(pointer: str | None) -> int:
        if pointer is None:
            raise Missing("the metric profile has no pointer for it")
        return count(resolve(document, pointer), f"what the page has at {pointer}")

    return _compose(
        at,
        active=partial(number, page.active),
        idle=partial(number, page.idle),
        size=partial(number, page.size),
        waiters=partial(number, page.waiters),
        in_flight=partial(number, page.in_flight),
        timeouts=partial(number, page.timeouts_total),
        generation=partial(number, page.generation),
        started_at=lambda: _time(resolve(document, page.started_at)) if page.started_at else _unnamed(),
    )


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


def _unnamed() -> datetime:
    raise Missing("the metric profile has no pointer for the start of the process")


def _time(value: object) -> datetime:
    """A time with its zone, or seconds since the epoch."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return moment(value)
    if not isinstance(value, str):
        raise Missing("the start of the process is no time")
    try:
        return _TIME.validate_python(value)
    except ValidationError:
        raise Missing("the start of the process is no time") from None
