"""What is drilled in a trial: a pool's fault, the act that heals it, and how others see that it is done."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from deploy.demo import scenario as scenarios
from deploy.demo.application import Pool
from deploy.demo.faults import Demand, Fault, Ground, Leak, Traffic
from deploy.demo.held import IdleLeak
from deploy.demo.row_lock import RowLock
from deploy.demo.scenario import Scenario
from deploy.demo.times import COMPRESSED, seconds
from workflows.escalation import Clock
from workflows.models.page import Level

SIZE = 10
TIMES = COMPRESSED.model_copy(
    update={
        "exhausted_for": "3s",
        "leak_age": "2s",
        "idle_leak_age": "2s",
        "full_for": "2s",
        "acknowledge": "12s",
        "resolve": "60s",
        "leadership": "75s",
        "clear_window": "4s",
        "clear_step": "1s",
        "relook": "2s",
        "watch": ("1s", "2s"),
        "resize_for": "6s",
    }
)
"""Shorter still than the demo's: hundreds of incidents are to fit into an hour."""
_DAY = Demand(rate=19, hold_ms=800)

type Done = Callable[[Fault, Ground, Pool], Awaitable[bool]]
"""Whether the act was done, by others' word; ``Pool`` is how the application's was before."""


async def _is_gone(fault: Fault, ground: Ground, _before: Pool) -> bool:
    return not await fault.remains(ground)


async def _is_restarted(_fault: Fault, ground: Ground, before: Pool) -> bool:
    return (await ground.application.pool()).started_at != before.started_at


async def _is_resized(_fault: Fault, ground: Ground, before: Pool) -> bool:
    return (await ground.application.pool()).size != before.size


def _fewer(scenario: Scenario) -> Scenario:
    """With as many users as a pool of this size has room for when it is well."""
    calm = scenarios.VISITORS
    return dataclasses.replace(scenario, pool_size=SIZE, calm=calm, usual=calm)


@dataclass(frozen=True)
class Play:
    """One kind of incident; ``act`` is the activity that heals it, None where nothing may be done."""

    scenario: Scenario
    act: bytes | None = None
    is_done: Done | None = None
    hands: Level = Level.L2
    """Who, once called, ends what is wrong; nobody comes before, so their clock runs out."""

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def clocks(self) -> Mapping[Clock, timedelta]:
        """How long each of them runs in this kind of incident."""
        times = TIMES.model_copy(update=dict(self.scenario.times))
        return {clock: timedelta(seconds=seconds(getattr(times, clock))) for clock in Clock}


PLAYS = (
    Play(
        dataclasses.replace(scenarios.LEAK, pool_size=SIZE, fault=Leak(SIZE)),
        b"terminate_sessions",
        _is_gone,
    ),
    Play(
        dataclasses.replace(scenarios.IDLE_LEAK, pool_size=SIZE, fault=IdleLeak(SIZE)),
        b"restart_container",
        _is_restarted,
    ),
    Play(
        dataclasses.replace(
            scenarios.UNDERSIZED,
            calm=Demand(rate=12, hold_ms=100),
            usual=_DAY,
            fault=Traffic(_DAY, "the usual work arrives"),
        ),
        b"resize_pool",
        _is_resized,
    ),
    Play(
        dataclasses.replace(
            scenarios.OBSERVE,
            pool_size=SIZE,
            fault=Leak(SIZE),
            calls=frozenset({Level.L1, Level.L2, Level.L3}),
            # Nothing else ends the incident than people, who come so long after the clock before theirs that
            # a worker which was killed as it ran out is back: without its page it is late by then.
            times={"resolve": "22s", "leadership": "40s"},
        ),
        hands=Level.L3,
    ),
    Play(dataclasses.replace(_fewer(scenarios.LOCK), fault=RowLock(rate=5)), b"terminate_sessions", _is_gone),
    Play(_fewer(scenarios.DDL), b"cancel_queries", _is_gone),
    # Hold times are measured on what came back: after 2 s full they know nothing yet of who waits as long.
    Play(dataclasses.replace(_fewer(scenarios.HOLD), times={**scenarios.HOLD.times, "full_for": "10s"})),
)
