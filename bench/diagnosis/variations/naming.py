"""Variations of what things are called and when they were: names, process ids, the calendar, the order."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from bench.diagnosis.record import Record
from workflows.models.evidence import DatabaseReading, MetricsReading
from workflows.models.reading import Known


def rename(record: Record, chance: Random) -> Record:
    """Another application, with other instances and containers."""
    target, stem = record.target, f"app-{chance.randrange(16**6):06x}"
    places = {each.name: f"{stem}-{number}" for number, each in enumerate(target.instances, 1)}
    containers = {each.container: f"{places[each.name]}.prod" for each in target.instances if each.container}
    names = {target.name: stem, **containers, **places}
    return _rewritten(
        record, lambda _key, value: names.get(value, value) if isinstance(value, str) else value
    )


def renumber(record: Record, chance: Random) -> Record:
    """Every process id another one, the same everywhere."""
    factor = chance.randrange(3, 50)
    shift = chance.randrange(1000)

    def swap(key: str, value: object) -> object:
        is_pid = isinstance(value, int) and key in {"pid", "blocked_by"} and value
        return value * factor + shift if is_pid and isinstance(value, int) else value

    return _rewritten(record, swap)


def move_in_time(record: Record, chance: Random) -> Record:
    """The same at another time of another year."""
    by = timedelta(days=chance.randrange(-3000, 3000), seconds=chance.randrange(86_400))

    def swap(key: str, value: object) -> object:
        if isinstance(value, datetime):
            return value + by
        return value + int(by.total_seconds()) if key == "start" and isinstance(value, int) else value

    return _rewritten(record, swap)


def reorder(record: Record, chance: Random) -> Record:
    """Sessions, blockers, statements and instances in another order."""

    def of_database(reading: DatabaseReading) -> DatabaseReading:
        parts = {
            name: part.model_copy(update={"value": _shuffled(part.value, chance)})
            for name in ("blockers", "statements")
            if isinstance(part := getattr(reading, name), Known)
        }
        return reading.model_copy(update={"sessions": _shuffled(reading.sessions, chance), **parts})

    def of_metrics(reading: MetricsReading) -> MetricsReading:
        instances = dict(_shuffled(tuple(reading.instances.items()), chance))
        return reading.model_copy(update={"instances": instances})

    instances = _shuffled(record.target.instances, chance)
    target = record.target.model_copy(update={"instances": instances})
    return record.with_database(of_database).with_metrics(of_metrics).model_copy(update={"target": target})


def _shuffled[T](items: tuple[T, ...], chance: Random) -> tuple[T, ...]:
    return tuple(chance.sample(items, len(items)))


def _rewritten(record: Record, swap: Callable[[str, object], object]) -> Record:
    """Every single value swapped, by the name of its field; keys of dictionaries that are names as well."""

    def walk(key: str, tree: Any) -> Any:  # noqa: ANN401  whatever a model consists of
        if isinstance(tree, dict):
            return {swap("", name): walk(name, part) for name, part in tree.items()}
        if isinstance(tree, list | tuple | set | frozenset):
            return [walk(key, part) for part in tree]
        return swap(key, tree)

    return Record.model_validate(walk("", record.model_dump()))
