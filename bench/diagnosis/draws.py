"""What is tried: the demo's scenarios with random sizes, ages, names and traffic.

A new cause is one more function in `SCENARIOS`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from random import Random

from bench.diagnosis.capacity import LostInstance
from deploy.demo import scenario as demo
from deploy.demo.faults import Burst, Demand, Leak, Traffic
from deploy.demo.held import IdleLeak, SlowPartner
from deploy.demo.missing_index import MissingIndex
from deploy.demo.row_lock import RowLock
from deploy.demo.scenario import Scenario
from deploy.demo.standby import LostStandby
from deploy.demo.together import SlowBehindLock, Together
from workflows.models.diagnosis import Cause
from workflows.models.policy import Approval, Mode, Option, Permission, Policy, Thresholds

MOST_REQUESTS = 40.0
"""A second: two cores have other things to do as well."""
_WRITES = 0.3
"""How often what is forgotten has written: then a person has to be asked."""
LATER = {
    Cause.LEAK: frozenset({Option.RESTART, Option.SESSION_TIMEOUT}),
    Cause.SLOW: frozenset({Option.TERMINATE}),
}
"""What may be done as well, where the first step did not help."""
WORDS = ("shop", "tickets", "search", "ledger", "booking", "stock", "mail", "fleet", "claims", "media")
SHORTENED = (
    "Shortened for the trial: leak_age 4 to 7 s (30 s), idle_leak_age 4 to 8 s (1 min), full_for 4 to 8 s "
    "(5 min); the alert waits 4 s (15 s) and is read every second (15 s). In brackets what poolmedic or the "
    "runbook has. No line of code differs."
)


@dataclass(frozen=True)
class Names:
    """What this trial's application is called."""

    service: str

    @classmethod
    def draw(cls, chance: Random) -> Names:
        return cls(f"{chance.choice(WORDS)}-{chance.randrange(16**4):04x}")

    def instances(self, number: int) -> tuple[str, ...]:
        return tuple(f"{self.service}-{each}" for each in range(1, number + 1))


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One trial as it is to be."""

    service: str
    scenario: Scenario
    started_size: int
    """The size that the pools really get; the scenario's is what the configuration says."""
    policy: Policy
    remedies: frozenset[Option]
    """What may be done about it, the first step or a later one."""
    delivery: float
    """Seconds that the alert takes from Prometheus to the first look."""
    has_bystanders: bool
    """Whether sessions of others, and honest long ones under the application's own name, are there."""

    @property
    def circumstances(self) -> str:
        """What is random about it, for a person."""
        scenario, ages = self.scenario, self.policy.thresholds
        return (
            f"{len(scenario.instances)} x {self.started_size} connections, usually {scenario.usual}; "
            f"{scenario.fault.told} leak_age {ages.leak_age.total_seconds():.1f} s, "
            f"{'with' if self.has_bystanders else 'without'} sessions of others"
        )


def draw_trial(kind: str, chance: Random) -> Draw:
    """One trial of this kind; the same chance gives the same."""
    names = Names.draw(chance)
    scenario = SCENARIOS[kind](chance, names)
    lost = isinstance(scenario.fault, Traffic) and scenario.cause is Cause.LOST_CAPACITY
    return Draw(
        service=names.service,
        scenario=scenario,
        started_size=floor(chance.uniform(0.3, 0.45) * scenario.pool_size) if lost else scenario.pool_size,
        policy=_policy(chance),
        remedies=scenario.acts | LATER.get(scenario.cause, frozenset()),
        delivery=chance.uniform(2.5, 4.0),
        has_bystanders=chance.random() < 0.5,
    )


def _policy(chance: Random) -> Policy:
    """Every option may run alone here, so nothing but poolmedic's own doubts keeps it from an act."""

    def between(low: float, high: float) -> timedelta:
        return timedelta(seconds=round(chance.uniform(low, high), 2))

    return Policy(
        mode=Mode.AUTO,
        options=dict.fromkeys(Option, Permission.ALONE),
        thresholds=Thresholds(leak_age=between(4, 7), idle_leak_age=between(4, 8), full_for=between(4, 8)),
        approval=Approval(approvers=("dba-on-call",)),
    )


def _quiet(chance: Random, size: int, instances: int = 1) -> Demand:
    """As much work as a tenth to three fifths of the pools."""
    hold_ms = chance.randint(60, 300)
    rate = instances * chance.uniform(0.1, 0.6) * size * 1000 / hold_ms
    return Demand(rate=round(min(max(rate, 5.0), 30.0), 1), hold_ms=hold_ms)


def _work(chance: Random, connections: float) -> Demand:
    """Requests that keep so many connections busy on average."""
    shortest = max(300, round(connections * 1000 / MOST_REQUESTS) + 1)
    hold_ms = chance.randint(shortest, shortest + 300)
    return Demand(rate=round(connections * 1000 / hold_ms, 1), hold_ms=hold_ms)


def _like(chance: Random, calm: Demand) -> Demand:
    """What the configuration calls usual: much the same as there is."""
    return dataclasses.replace(calm, rate=round(calm.rate * chance.uniform(0.75, 1.3), 1))


def _forgotten(chance: Random, size: int, calm: Demand) -> int:
    """All connections, or fewer: the honest work more than fills the rest."""
    return size - chance.randint(0, floor(0.7 * calm.rate * calm.hold_ms / 1000))


def _calm(scenario: Scenario, names: Names, chance: Random, size: int, number: int = 1) -> Scenario:
    instances = names.instances(number)
    calm = _quiet(chance, size, number)
    return dataclasses.replace(
        scenario,
        instances=instances,
        broken=chance.choice(instances),
        pool_size=size,
        calm=calm,
        usual=_like(chance, calm),
    )


def _leak(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.LEAK, names, chance, chance.randint(8, 20))
    forgotten = _forgotten(chance, scenario.pool_size, scenario.calm)
    return dataclasses.replace(scenario, fault=Leak(forgotten, writes=chance.random() < _WRITES))


def _instances(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.INSTANCES, names, chance, chance.randint(6, 10), number=3)
    return dataclasses.replace(scenario, fault=Leak(scenario.pool_size))


def _idle_leak(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.IDLE_LEAK, names, chance, chance.randint(8, 20))
    fault = IdleLeak(_forgotten(chance, scenario.pool_size, scenario.calm))
    return dataclasses.replace(scenario, fault=fault)


def _hold(chance: Random, names: Names) -> Scenario:
    """A partner that is slow, or hangs for longer than a leak is old, before anybody has come back."""
    scenario = _calm(demo.HOLD, names, chance, chance.randint(8, 14))
    seconds = round(chance.uniform(1.0, 12.0), 2)
    rate = round(min(chance.uniform(1.6, 3.0) * scenario.pool_size / min(seconds, 3.0), MOST_REQUESTS), 1)
    calm = Demand(rate=rate, hold_ms=chance.randint(20, 80))
    return dataclasses.replace(scenario, calm=calm, usual=_like(chance, calm), fault=SlowPartner(seconds))


def _lock(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.LOCK, names, chance, chance.randint(8, 16))
    return dataclasses.replace(scenario, fault=RowLock(rate=round(chance.uniform(7, 12), 1)))


def _ddl(chance: Random, names: Names) -> Scenario:
    return _calm(demo.DDL, names, chance, chance.randint(8, 16))


def _slow(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.SLOW, names, chance, chance.randint(8, 16))
    usual = Demand(rate=30, hold_ms=scenario.calm.hold_ms)
    return dataclasses.replace(scenario, usual=usual, fault=MissingIndex(rate=round(chance.uniform(6, 9), 1)))


def _slow_behind_lock(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.SLOW_BEHIND_LOCK, names, chance, chance.randint(8, 14))
    usual = Demand(rate=30, hold_ms=scenario.calm.hold_ms)
    lock = RowLock(rate=round(chance.uniform(7, 12), 1))
    fault = SlowBehindLock(lock, MissingIndex(rate=round(chance.uniform(5, 8), 1)))
    return dataclasses.replace(scenario, usual=usual, fault=fault)


def _degraded(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.DEGRADED, names, chance, chance.randint(8, 16))
    return dataclasses.replace(scenario, fault=LostStandby(rate=round(chance.uniform(5, 10), 1)))


def _spike(chance: Random, names: Names) -> Scenario:
    return _spike_on(chance, names, chance.randint(1, 2))


def _spike_on(chance: Random, names: Names, number: int) -> Scenario:
    scenario = _calm(demo.SPIKE, names, chance, chance.randint(6, 12), number)
    crowd, times = _work(chance, chance.uniform(1.3, 1.8) * _connections(scenario)), chance.uniform(5, 12)
    few = dataclasses.replace(crowd, rate=round(crowd.rate / times, 1))
    fault = Traffic(crowd, f"{times:.1f} times the usual traffic arrives")
    return dataclasses.replace(scenario, calm=few, usual=few, fault=fault)


def _leak_in_spike(chance: Random, names: Names) -> Scenario:
    """On one instance: spread over several, a leak of one may be too small a part to be called at all."""
    spike = _spike_on(chance, names, 1)
    leaked = max(round(chance.uniform(0.35, 0.8) * spike.pool_size), 1)
    return dataclasses.replace(
        demo.LEAK_IN_SPIKE,
        instances=spike.instances,
        broken=spike.broken,
        pool_size=spike.pool_size,
        calm=spike.calm,
        usual=spike.usual,
        fault=Together(Leak(leaked, writes=chance.random() < _WRITES), spike.fault),
    )


def _undersized(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.UNDERSIZED, names, chance, chance.randint(6, 12), number=chance.randint(1, 2))
    return _at_day(chance, scenario, _work(chance, chance.uniform(1.4, 1.8) * _connections(scenario)))


def _connections(scenario: Scenario) -> int:
    return scenario.pool_size * len(scenario.instances)


def _at_day(chance: Random, scenario: Scenario, day: Demand) -> Scenario:
    night = dataclasses.replace(day, rate=round(day.rate * chance.uniform(0.15, 0.25), 1))
    fault = Traffic(day, "the usual work arrives")
    return dataclasses.replace(scenario, calm=night, usual=_like(chance, day), fault=fault)


def _none(chance: Random, names: Names) -> Scenario:
    scenario = _calm(demo.NONE, names, chance, size := chance.randint(6, 12))
    crowd = Demand(rate=6.0 * size, hold_ms=200, users=floor(4.5 * size))
    return dataclasses.replace(scenario, fault=Burst(crowd, "a crowd, until the alert fires"))


def _lost_capacity(chance: Random, names: Names) -> Scenario:
    """Pools that came up smaller than configured, or one of two instances stopped."""
    size = chance.randint(8, 14)
    scenario = dataclasses.replace(
        _calm(demo.UNDERSIZED, names, chance, size), name="lost-capacity", cause=Cause.LOST_CAPACITY
    )
    scenario = dataclasses.replace(scenario, acts=frozenset())
    if chance.random() < 0.5:
        return _at_day(chance, scenario, _work(chance, chance.uniform(0.6, 0.8) * size))
    broken, stopped = names.instances(2)
    half = _work(chance, chance.uniform(0.62, 0.75) * size)
    both = dataclasses.replace(half, rate=2 * half.rate)
    return dataclasses.replace(
        scenario,
        instances=(broken, stopped),
        broken=broken,
        calm=both,
        usual=_like(chance, both),
        fault=LostInstance(stopped, half),
    )


SCENARIOS: Mapping[str, Callable[[Random, Names], Scenario]] = {
    "leak": _leak,
    "instances": _instances,
    "idle-leak": _idle_leak,
    "hold": _hold,
    "lock": _lock,
    "ddl": _ddl,
    "slow": _slow,
    "slow-lock": _slow_behind_lock,
    "degraded": _degraded,
    "spike": _spike,
    "leak-spike": _leak_in_spike,
    "undersized": _undersized,
    "lost-capacity": _lost_capacity,
    "none": _none,
}
