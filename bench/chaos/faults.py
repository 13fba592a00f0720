"""Everything that breaks beside a pool. A fault is a block: it lasts as long as the block does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bench.chaos import hindering, killing, reach
from bench.chaos.plays import Play
from bench.chaos.site import Site
from bench.chaos.spoiling import NONSENSE, cut_in_the_act
from deploy.demo.faults import Ground


@dataclass(frozen=True)
class Fault:
    """``suits`` says of an incident and a step whether it can have an effect there.

    ``beside`` opens what it needs, before the pool breaks.
    """

    name: str
    during: Callable[[Site], AbstractAsyncContextManager[None]]
    suits: Callable[[Play, str], bool] = lambda _play, _moment: True
    beside: Callable[[Site, Ground], Awaitable[None]] | None = None
    spares_database: bool = True
    """Whether the sessions of others live on."""
    ends_sessions: bool = False
    """Whether it is somebody else who ends what was forgotten."""


SOURCES: dict[str, Sequence[str]] = {
    "Prometheus": tuple(NONSENSE),
    "Alertmanager": tuple(NONSENSE),
    "the page": tuple(NONSENSE),
    "the receiver": ("gone", "hanging", "late", "an error", "truncated"),
    "the engine": ("gone", "hanging", "late", "a page for people", "an error", "truncated"),
    "the database": ("gone", "hanging", "late"),
}
KILLS = (
    Fault("worker killed", killing.worker_killed),
    Fault("webhook killed", killing.webhook_killed),
    Fault("Temporal killed", killing.temporal_killed),
)
OTHERS = (
    Fault("all of it killed", killing.all_killed),
    Fault("worker told to end", killing.worker_told_to_end),
    Fault("worker killed while a container stops", killing.worker_killed_in_the_grace, reach.is_in_a_restart),
    Fault("one of two workers killed", killing.one_of_two_killed),
    Fault("rolling restart", killing.rolled),
    Fault("webhook's clock ten minutes fast", hindering.by_clock("+10m"), reach.is_before_the_alert),
    Fault("webhook's clock ten minutes slow", hindering.by_clock("-10m"), reach.is_before_the_alert),
    Fault("a listed session works again", hindering.works_again, reach.is_listed, hindering.open_listed),
    Fault("Prometheus killed", killing.prometheus_killed),
    Fault("Alertmanager killed", killing.alertmanager_killed),
    Fault("database killed", killing.database_killed, reach.is_in_an_incident, spares_database=False),
    Fault("database frozen", hindering.database_frozen),
    Fault("database full", hindering.database_full),
    Fault("statement cut off", hindering.spoilt("the database", cut_in_the_act), reach.ends_sessions_later),
    Fault("disk full", hindering.disk_full, reach.writes_a_report_next),
    Fault(
        "an operator ends the sessions",
        hindering.operator_ends_sessions,
        reach.has_sessions_to_end,
        ends_sessions=True,
    ),
    Fault("an operator restarts the container", hindering.operator_restarts, reach.is_in_an_incident),
    *(
        Fault(f"{source}: {how}", hindering.spoilt(source, NONSENSE[how]), reach.asks(source))
        for source, ways in SOURCES.items()
        for how in ways
    ),
)
BY_NAME = {fault.name: fault for fault in (*KILLS, *OTHERS)}
