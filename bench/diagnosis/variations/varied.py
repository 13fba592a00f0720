"""Records made of real ones: seeded, pure, and as true as they were; marked where something is missing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from bench.diagnosis.record import Record
from bench.diagnosis.variations.ages import age, age_processes, change_holds
from bench.diagnosis.variations.beside import add_instance
from bench.diagnosis.variations.losses import (
    lose_all_but_one,
    lose_blockers,
    lose_earlier_look,
    lose_page,
    lose_source,
    lose_usual,
)
from bench.diagnosis.variations.naming import move_in_time, rename, renumber, reorder
from bench.diagnosis.variations.sizes import add_honest, add_strangers, change_traffic, enlarge

type Variation = Callable[[Record, Random], Record | None]
"""None where it would not leave the truth as it is."""

PRESERVING: Mapping[str, Variation] = {
    "other names": rename,
    "other pids": renumber,
    "another day": move_in_time,
    "another order": reorder,
    "a larger pool": enlarge,
    "honest work beside": add_honest,
    "strangers on the server": add_strangers,
    "one more instance": add_instance,
    "other traffic": change_traffic,
    "an older fault": age,
    "older processes": age_processes,
    "other hold times": change_holds,
}
"""Everything that tells the cause is still there: it must be found."""
LOSING: Mapping[str, Variation] = {
    "a source silent": lose_source,
    "one source left": lose_all_but_one,
    "no page of one instance": lose_page,
    "nothing usual known": lose_usual,
    "no blockers": lose_blockers,
    "one look only": lose_earlier_look,
}
"""Something is taken away: the cause, or that it cannot be told."""
_LOOKS = 2
_EVERY_THIRD = 3
"""One varied record in so many misses something."""


def vary(records: Sequence[Record], number: int, seed: int) -> list[Record]:
    """So many of each record; each variation comes in turn, with one or two others drawn by chance."""
    return [varied for record in records for varied in _vary(record, number, seed)]


def _vary(record: Record, number: int, seed: int) -> Iterator[Record]:
    base = record.model_copy(update={"looks": record.looks[-_LOOKS:]})
    start = Random(f"{seed}/{record.name}").randrange(len(PRESERVING) * len(LOSING))
    for turn in range(number):
        chance = Random(f"{seed}/{record.name}/{turn}")
        names = [_in_turn(PRESERVING, start + turn), *chance.sample(list(PRESERVING), chance.randint(1, 2))]
        # Other names fit every record: without any variation it would be the real one once more.
        varied = _apply(base, dict.fromkeys(names), PRESERVING, chance)
        varied = varied if varied.variations else _apply(base, ["other names"], PRESERVING, chance)
        if turn % _EVERY_THIRD == _EVERY_THIRD - 1:
            varied = _apply(varied, [_in_turn(LOSING, start + turn // _EVERY_THIRD)], LOSING, chance)
            varied = varied.model_copy(update={"is_complete": False})
        yield varied.model_copy(update={"name": f"{record.name}-varied-{turn + 1}"})


def _in_turn(table: Mapping[str, Variation], place: int) -> str:
    return list(table)[place % len(table)]


def _apply(
    record: Record, names: Sequence[str] | dict[str, None], table: Mapping[str, Variation], chance: Random
) -> Record:
    for name in names:
        varied = table[name](record, chance)
        if varied is not None:
            record = varied.model_copy(update={"variations": (*record.variations, name)})
    return record
