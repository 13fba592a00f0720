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

SHARE_OF_KILLS = 0.55
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
    """More than half of them end a process of ours or of Temporal's, at every step before any comes twice."""
    chance = Random(f"chaos/{seed}")
    kills = _pick(chance, KILLS, round(runs * SHARE_OF_KILLS))
    others = _pick(chance, OTHERS, runs - len(kills))
    drawn = [*kills, *others]
    chance.shuffle(drawn)
    return [Draw(number, *each, seed=f"chaos/{seed}/{number}") for number, each in enumerate(drawn, start=1)]


def _pick(chance: Random, faults: Sequence[Fault], number: int) -> list[tuple[Play, Fault, Moment]]:
    every = [
        (play, fault, moment)
        for play, fault, moment in itertools.product(PLAYS, faults, MOMENTS)
        if moment.is_at(play)
    ]
    picked: list[tuple[Play, Fault, Moment]] = []
    while len(picked) < number:
        picked += chance.sample(every, min(len(every), number - len(picked)))
    return picked
