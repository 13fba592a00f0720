"""What can be drilled: how the pool is broken, by which rules poolmedic works, and how it must end."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.demo.faults import Demand, Fault, Leak, Traffic
from workflows.models.diagnosis import Cause
from workflows.models.page import Level
from workflows.models.policy import Mode, Option
from workflows.models.report import Ending

APPROVED = frozenset({Option.RESIZE})
"""What a person has to approve in every drill."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One drill, and by what it is judged.

    ``usual`` is the demand that the configuration calls usual. ``patience`` is for how many seconds a request
    waits for a connection before its user is refused. ``acts`` are all that may be done, and must be;
    ``calls`` all whom poolmedic tells. Where the ending is a hand-over the fault is switched off, as people
    would do it, once the last of them was called; one that stays open is left alone.
    """

    name: str
    story: str
    mode: Mode = Mode.AUTO
    pool_size: int
    patience: float = 1.0
    calm: Demand
    usual: Demand
    fault: Fault
    cause: Cause
    acts: frozenset[Option] = frozenset()
    calls: frozenset[Level] = frozenset({Level.L1})
    ending: Ending = Ending.RECOVERED
    resize_factor: int = 4
    """As the runbook: 10 connections become DATABASE_POOL_SIZE=40."""

    @property
    def asks(self) -> bool:
        """Whether a person has to approve."""
        return bool(self.acts & APPROVED)

    @property
    def resizes(self) -> bool:
        """Whether the pool gets a larger size, for a time."""
        return Option.RESIZE in self.acts

    @property
    def ends_sessions(self) -> bool:
        """Whether the sessions that the fault left are ended one by one."""
        return Option.TERMINATE in self.acts

    @property
    def restarts(self) -> bool:
        """Whether the broken instance is restarted, once."""
        return Option.RESTART in self.acts


SHOPPERS = Demand(rate=20, hold_ms=100)
# 15 connections' worth of work, for 10; after the resize to 40 well below 70 %.
DAY = Demand(rate=30, hold_ms=500)

LEAK = Scenario(
    name="leak",
    story="A report forgets its connections: every one of the pool is left idle in a transaction.",
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=Leak(20),
    cause=Cause.LEAK,
    acts=frozenset({Option.TERMINATE}),
)
UNDERSIZED = Scenario(
    name="undersized",
    story="The usual work of the day needs more connections than the pool was configured to have.",
    pool_size=10,
    calm=Demand(rate=6, hold_ms=500),
    usual=DAY,
    fault=Traffic(DAY, "the usual work arrives"),
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
    fault=Leak(20),
    cause=Cause.LEAK,
    ending=Ending.OPEN,
)

SCENARIOS = {scenario.name: scenario for scenario in (LEAK, UNDERSIZED, OBSERVE)}
