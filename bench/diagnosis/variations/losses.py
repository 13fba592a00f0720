"""Variations that take something away: then "it cannot be told" is a right answer, and no other cause is."""

from collections.abc import Callable
from math import nan
from random import Random

from bench.diagnosis.record import Record, changed
from workflows.models.evidence import ApplicationReading, Evidence, MetricsReading
from workflows.models.reading import Unavailable

SOURCES = ("metrics", "application", "database", "containers")
_REASON = Unavailable(reason="no answer within 5 s")


def lose_source(record: Record, chance: Random) -> Record:
    """One of the four sources does not answer: at every look, or at one of them."""
    source, silent = chance.choice(SOURCES), _which(record, chance)
    return _at(record, silent, lambda look: look.model_copy(update={source: _REASON}))


def lose_all_but_one(record: Record, chance: Random) -> Record:
    """Only one source answers."""
    left = chance.choice(SOURCES)
    lost = dict.fromkeys((each for each in SOURCES if each != left), _REASON)
    return record.with_looks(lambda look: look.model_copy(update=lost))


def lose_page(record: Record, chance: Random) -> Record:
    """One instance's own pages do not answer; what was scraped of it is still there."""
    name = chance.choice(record.target.instances).name

    def of_application(reading: ApplicationReading) -> ApplicationReading:
        return reading.model_copy(update={"instances": {**reading.instances, name: _REASON}})

    return record.with_application(of_application)


def lose_usual(record: Record, chance: Random) -> Record:
    """Nothing is known as usual, or it is no number; neither measured nor configured."""
    names = chance.choice((("usual_rate",), ("usual_hold",), ("usual_rate", "usual_hold")))
    is_nan = chance.random() < 0.3

    def of_metrics(reading: MetricsReading) -> MetricsReading:
        lost = {
            name: changed(getattr(reading, name), lambda _value: nan) if is_nan else _REASON for name in names
        }
        return reading.model_copy(update=lost)

    configured = {"usual_rate": "request_rate", "usual_hold": "hold_seconds"}
    usual = record.target.usual.model_copy(update={configured[name]: None for name in names})
    target = record.target.model_copy(update={"usual": usual})
    return record.with_metrics(of_metrics).model_copy(update={"target": target})


def lose_blockers(record: Record, _chance: Random) -> Record:
    """Who blocks whom could not be read."""
    return record.with_database(lambda reading: reading.model_copy(update={"blockers": _REASON}))


def lose_earlier_look(record: Record, _chance: Random) -> Record:
    """Only one look was taken yet."""
    return record.model_copy(update={"looks": record.looks[-1:]})


def _which(record: Record, chance: Random) -> set[int]:
    every = range(len(record.looks))
    return set(every) if chance.random() < 0.6 else {chance.choice(every)}


def _at(record: Record, numbers: set[int], change: Callable[[Evidence], Evidence]) -> Record:
    looks = tuple(change(look) if number in numbers else look for number, look in enumerate(record.looks))
    return record.model_copy(update={"looks": looks})
