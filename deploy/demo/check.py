"""What a judge of a drill says: one thing that must be so, and what was seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.demo.drill import Drill
from deploy.demo.scene import Scene

ROOMY = 0.70
"""The runbook's first success criterion."""
FULL = 0.95


@dataclass(frozen=True)
class Check:
    """One thing that must be so: whether it is, and what was seen."""

    what: str
    holds: bool
    seen: str


type Judge = Callable[[Drill], Awaitable[Check]]
"""Judges one thing while users and decoys still live."""


def is_full(scene: Scene) -> bool:
    """Whether the pool was exhausted, by the application's own page."""
    return scene.pool is not None and scene.pool.utilization > FULL
