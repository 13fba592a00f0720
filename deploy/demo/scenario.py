"""What can be drilled: how the pool is broken, by which rules poolmedic works, and how it must end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workflows.models.diagnosis import Cause
from workflows.models.policy import Mode, Option


@dataclass(frozen=True)
class Demand:
    """Requests per second, and how many milliseconds each of them keeps its connection."""

    rate: float
    hold_ms: int


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One drill. ``usual`` is the demand that the configuration calls usual; ``leak`` counts sessions.

    ``patience`` is for how many seconds a request waits for a connection before its user is refused.
    """

    name: str
    story: str
    mode: Mode = Mode.AUTO
    pool_size: int
    patience: float = 1.0
    calm: Demand
    usual: Demand
    leak: int = 0
    cause: Cause
    acts: frozenset[Option]
    ending: Literal["recovered", "open"] = "recovered"

    @property
    def asks(self) -> bool:
        """Whether a person has to approve."""
        return Option.RESIZE in self.acts


SHOPPERS = Demand(rate=20, hold_ms=100)

LEAK = Scenario(
    name="leak",
    story="A report forgets its connections: every one of the pool is left idle in a transaction.",
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    leak=20,
    cause=Cause.LEAK,
    acts=frozenset({Option.TERMINATE}),
)
UNDERSIZED = Scenario(
    name="undersized",
    story="The usual work of the day needs more connections than the pool was configured to have.",
    pool_size=10,
    calm=Demand(rate=6, hold_ms=500),
    # 15 connections' worth of work, for 10; after the resize to 40 well below 70 %.
    usual=Demand(rate=30, hold_ms=500),
    cause=Cause.UNDERSIZED,
    acts=frozenset({Option.RESIZE}),
)
OBSERVE = Scenario(
    name="observe",
    story="The same leak, while poolmedic may only observe: left alone, the pool stays exhausted.",
    mode=Mode.OBSERVE,
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    leak=20,
    cause=Cause.LEAK,
    acts=frozenset(),
    ending="open",
)

SCENARIOS = {scenario.name: scenario for scenario in (LEAK, UNDERSIZED, OBSERVE)}
