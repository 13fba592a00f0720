"""Which trials are run: the same seed draws the same ones, in the same order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import override

from bench.chaos.faults import KILLS, OTHERS, Fault
from bench.chaos.moments import MOMENTS, Moment
from bench.chaos.plays import PLAYS, Play

type Picked = tuple[Play, Fault, Moment]

SHARE_OF_KILLS = 0.72
"""So that of 300 there is one for every process at every step of every kind of incident."""
LONGEST = 8.0
"""Seconds that a fault lasts at most."""


@dataclass(frozen=True)
class Draw:
    """One trial: what breaks the pool, what breaks beside it, and when."""

    number: int
    play: Play
    fault: Fault
    moment: Moment
    seed: str
    longest: float = LONGEST

    @override
    def __str__(self) -> str:
        return f"{self.play.name}; {self.fault.name}; {self.moment.name}"


def draw(runs: int, seed: int) -> list[Draw]:
    """Most of them end a process of ours or of Temporal's: each at every moment, then at every step of every
    kind of incident, before any comes twice."""
    chance = Random(f"chaos/{seed}")
    kills = _pick_by_step(chance, round(runs * SHARE_OF_KILLS))
    others = _pick_by_fault(chance, runs - len(kills))
    drawn = [*kills, *others]
    chance.shuffle(drawn)
    return [Draw(number, *each, seed=f"chaos/{seed}/{number}") for number, each in enumerate(drawn, start=1)]


def _pick_by_step(chance: Random, number: int) -> list[Picked]:
    """Every kill at every moment, in whatever kind of incident; then in every kind."""
    picked = list[Picked]()
    while len(picked) < number:
        every = _every(KILLS)
        chance.shuffle(every)
        first = {(fault.name, moment.name): (play, fault, moment) for play, fault, moment in every}
        picked += [*first.values(), *(each for each in every if each not in first.values())]
    return picked[:number]


def _pick_by_fault(chance: Random, number: int) -> list[Picked]:
    """Every other fault, before any of them comes twice; each time somewhere else."""
    left = {fault.name: chance.sample(found := _every([fault]), len(found)) for fault in OTHERS}
    picked, turns = list[Picked](), chance.sample(OTHERS, len(OTHERS))
    while len(picked) < number and any(left.values()):
        picked += [left[fault.name].pop() for fault in turns if left[fault.name]]
    return picked[:number]


def kills_at_moments() -> set[tuple[str, str]]:
    """What a run that is long enough has played, whatever its seed."""
    return {(fault.name, moment.name) for _, fault, moment in _every(KILLS)}


def _every(faults: Sequence[Fault]) -> list[Picked]:
    return [
        (play, fault, moment)
        for play, fault, moment in itertools.product(PLAYS, faults, MOMENTS)
        if moment.is_at(play) and fault.suits(play, moment.name)
    ]
