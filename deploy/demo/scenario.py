"""What can be drilled: how the pool is broken, by which rules poolmedic works, and how it must end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.demo.faults import Burst, Demand, Fault, Leak, Traffic
from deploy.demo.held import IdleLeak, SlowPartner
from deploy.demo.migration import WaitingChange
from deploy.demo.missing_index import MissingIndex
from deploy.demo.row_lock import RowLock
from deploy.demo.standby import LostStandby
from deploy.demo.together import SlowBehindLock, Together
from workflows.models.diagnosis import Cause
from workflows.models.page import Level
from workflows.models.policy import Mode, Option
from workflows.models.report import Ending


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One drill, and by what it is judged.

    ``then`` are the causes that come to light once the first is healed, in their order.
    ``broken`` is the one of the ``instances`` that the fault is to hit. ``usual`` is the demand that the
    configuration calls usual. ``patience`` is for how many seconds a request waits for a connection before
    its user is refused. ``acts`` are all that may be done, and must be; ``calls`` all whom poolmedic tells.
    Where the ending is a hand-over the fault is switched off, as people would do it, once the last of them
    was called; one that stays open is left alone for ``observed`` seconds.
    """

    name: str
    story: str
    instances: tuple[str, ...] = ("covetpy-app",)
    broken: str = "covetpy-app"
    mode: Mode = Mode.AUTO
    pool_size: int
    patience: float = 1.0
    calm: Demand
    usual: Demand
    fault: Fault
    cause: Cause
    then: tuple[Cause, ...] = ()
    acts: frozenset[Option] = frozenset()
    calls: frozenset[Level] = frozenset({Level.L1})
    ending: Ending = Ending.RECOVERED
    told: tuple[str, ...] = ()
    """Words that the page to the highest of them must have."""
    observed: float = 15.0
    loses: bool = False
    """Whether work is lost by the end of the fault's sessions, which a person has to approve then."""
    resize_factor: int = 4
    """As the runbook: 10 connections become DATABASE_POOL_SIZE=40."""
    times: Mapping[str, str] = field(default_factory=dict)
    """Fields of `Times` that must be so, whatever the others are."""
    advice: tuple[str, ...] = ()
    """Words of what the report must say is to be changed for good."""

    @property
    def asks(self) -> bool:
        """Whether a person has to approve."""
        is_change = self.cancels and self.cause is Cause.DDL_QUEUE
        return self.loses or self.resizes or is_change or Option.INDEX in self.acts

    @property
    def resizes(self) -> bool:
        """Whether the pool gets a larger size, for a time."""
        return Option.RESIZE in self.acts

    @property
    def ends_sessions(self) -> bool:
        """Whether the sessions that the fault left are ended one by one."""
        return Option.TERMINATE in self.acts

    @property
    def cancels(self) -> bool:
        """Whether the statements of the sessions that the fault left are cancelled one by one."""
        return Option.CANCEL in self.acts

    @property
    def restarts(self) -> bool:
        """Whether the broken instance is restarted, once."""
        return Option.RESTART in self.acts


SHOPPERS = Demand(rate=20, hold_ms=100)
VISITORS = Demand(rate=10, hold_ms=100)
FEW = Demand(rate=2, hold_ms=500)
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
SPIKE = Scenario(
    name="spike",
    story="Many times the usual traffic arrives; each request holds its connection for as long as always.",
    pool_size=10,
    calm=FEW,
    usual=FEW,
    # 14 connections' worth of work, for 10.
    fault=Traffic(Demand(rate=28, hold_ms=500), "fourteen times the usual traffic arrives"),
    cause=Cause.SPIKE,
    acts=frozenset({Option.RESIZE}),
    advice=("circuit breaker", "Scale out"),
)
INSTANCES = Scenario(
    name="instances",
    story="One of three instances forgets its connections, while the average of the three looks harmless.",
    instances=("covetpy-app-1", "covetpy-app-2", "covetpy-app-3"),
    broken="covetpy-app-2",
    pool_size=10,
    calm=Demand(rate=24, hold_ms=100),
    usual=Demand(rate=24, hold_ms=100),
    fault=Leak(10),
    cause=Cause.LEAK,
    acts=frozenset({Option.TERMINATE}),
)
NONE = Scenario(
    name="none",
    story="More users than usual come all at once, and are gone again before anybody looks.",
    pool_size=10,
    patience=0.5,
    calm=VISITORS,
    usual=VISITORS,
    fault=Burst(Demand(rate=60, hold_ms=200, users=45), "a crowd, until the alert fires"),
    cause=Cause.HEALTHY,
    ending=Ending.NOTHING_FOUND,
    # The alert is to outlive the crowd for as long as Alertmanager holds it back, and not to end before.
    times={"scrape_interval": "5s", "exhausted_for": "5s", "gathered": "2500ms", "clear_step": "10s"},
)
IDLE_LEAK = Scenario(
    name="idle-leak",
    story="A report forgets its connections outside any transaction: to PostgreSQL they look like idle ones.",
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=IdleLeak(20),
    cause=Cause.IDLE_LEAK,
    acts=frozenset({Option.RESTART}),
    advice=("leak detection of the pool",),
)
HOLD = Scenario(
    name="hold",
    story="Another service gets slow, and every order waits for it with a connection in its hand.",
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=SlowPartner(2.0),
    cause=Cause.HOLD,
    calls=frozenset({Level.L1, Level.L2}),
    ending=Ending.HANDED_OVER,
    # Who waits two seconds is not to be as old as a leak, whatever its age is shortened to.
    times={"leak_age": "30s"},
    advice=("call other services before it takes a connection", "short timeout"),
    told=("while the database has nothing to do for them", "FROM orders WHERE id = $1"),
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
LOCK = Scenario(
    name="lock",
    story="A transfer leaves half-way with its row locked, and the other transfers queue behind it.",
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=RowLock(rate=9),
    cause=Cause.LOCK,
    acts=frozenset({Option.TERMINATE}),
    loses=True,
)
DDL = Scenario(
    name="ddl",
    story="A migration waits for a long report to change a table, and the shop waits for the migration.",
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=WaitingChange(),
    cause=Cause.DDL_QUEUE,
    acts=frozenset({Option.CANCEL}),
)
LEAK_IN_SPIKE = Scenario(
    name="leak-spike",
    story="A report forgets half of the connections, while many times the usual traffic arrives.",
    pool_size=10,
    calm=FEW,
    usual=FEW,
    # 14 connections' worth of work, for the 5 that are left, and for 10 once all are back.
    fault=Together(
        Leak(5), Traffic(Demand(rate=28, hold_ms=500), "fourteen times the usual traffic arrives")
    ),
    cause=Cause.LEAK,
    then=(Cause.SPIKE,),
    acts=frozenset({Option.TERMINATE, Option.RESIZE}),
    advice=("Find where covetpy-app takes a connection", "circuit breaker"),
)
SLOW = Scenario(
    name="slow",
    story="An index is dropped, and a page that took milliseconds reads a whole table again and again.",
    pool_size=20,
    calm=SHOPPERS,
    usual=Demand(rate=30, hold_ms=100),
    fault=MissingIndex(rate=8),
    cause=Cause.SLOW,
    acts=frozenset({Option.CANCEL, Option.INDEX}),
    told=("FROM parcels WHERE", "CREATE INDEX CONCURRENTLY poolmedic_parcels_order_id"),
    advice=("the index that it lacks",),
)
SLOW_BEHIND_LOCK = Scenario(
    name="slow-lock",
    story="Users queue behind a row that stays locked, and a page that lost its index hides among them.",
    pool_size=12,
    calm=VISITORS,
    usual=Demand(rate=20, hold_ms=100),
    fault=SlowBehindLock(RowLock(rate=9), MissingIndex(rate=6)),
    cause=Cause.LOCK,
    then=(Cause.SLOW,),
    acts=frozenset({Option.TERMINATE, Option.CANCEL, Option.INDEX}),
    loses=True,
    told=("FROM parcels WHERE", "CREATE INDEX CONCURRENTLY poolmedic_parcels_order_id"),
    advice=("the index that it lacks",),
)
DEGRADED = Scenario(
    name="degraded",
    story="The standby that every commit waits for is gone: the database hangs, whoever asks it.",
    pool_size=20,
    calm=SHOPPERS,
    usual=SHOPPERS,
    fault=LostStandby(rate=6),
    cause=Cause.DEGRADED,
    calls=frozenset({Level.L1, Level.L2}),
    ending=Ending.HANDED_OVER,
    told=("IPC/SyncRep", "none is connected"),
)

_ALL = (
    LEAK,
    IDLE_LEAK,
    HOLD,
    UNDERSIZED,
    SPIKE,
    LEAK_IN_SPIKE,
    INSTANCES,
    NONE,
    LOCK,
    DDL,
    SLOW,
    SLOW_BEHIND_LOCK,
    DEGRADED,
    OBSERVE,
)
SCENARIOS = {scenario.name: scenario for scenario in _ALL}
