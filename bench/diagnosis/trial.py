"""One real run: an application, its users, the fault, the alert, and looks as an incident takes them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
from pydantic import HttpUrl

from bench.diagnosis.draws import Draw
from bench.diagnosis.judgement import decide
from bench.diagnosis.record import Made, Record, Truth
from bench.diagnosis.servers import DSN, Servers
from deploy.demo import application
from deploy.demo.decoys import open_decoys
from deploy.demo.faults import EXHAUSTED, Ground, why_calm
from deploy.demo.missing_index import TABLE
from deploy.demo.sessions import identify
from deploy.load.generator import LONGEST_RUN, Load
from deploy.local import probes
from deploy.local import target as targets
from deploy.local.errors import StackError
from deploy.local.postgres import SUPERUSER
from deploy.local.postgres_roles import connected
from deploy.local.target import POOL_FILE, Target
from workflows.models import target as models
from workflows.models.diagnosis import Cause
from workflows.models.evidence import Evidence
from workflows.models.plan import LookAgain
from workflows.models.target import Database, Instance, Reload, Routes, Usual
from workflows.ports.requests import Look

SECONDS_OF_CALM = 4.0
ANSWERS_OF_CALM = 8
SECONDS_TO_CALM = 30.0
SECONDS_TO_FIRE = 60.0
SECONDS_TO_STRIKE = 30.0
MOST_LOOKS = 5
"""As the incident: four suspicions, and then people."""
LONGEST_PAUSE = 30.0
SLOWLY = f"""
SELECT pid FROM pg_stat_activity
 WHERE application_name = $1 AND state = 'active' AND query LIKE '%FROM {TABLE}%'"""  # noqa: S608  our own name
FORGET = "SELECT pg_stat_statements_reset()"
"""What statements took in the trial before would be what is usual in this one."""
FORGETTING = frozenset({Cause.LEAK, Cause.LOCK, Cause.IDLE_LEAK})


class TrialVoid(StackError):
    """The pool did not break as it was to; the run says nothing about the diagnosis."""


async def run_trial(servers: Servers, draw: Draw, name: str) -> Record:
    """Break a pool for real and record what an incident would see. Raises StackError, `TrialVoid` too."""
    try:
        async with _break(servers, draw) as (ground, target):
            running = await _run_slowly(ground)
            looks = await _investigate(servers, draw, target)
            return Record(
                name=name,
                scenario=draw.scenario.name,
                circumstances=draw.circumstances,
                target=target,
                policy=draw.policy,
                truth=await _truth(draw, ground, running),
                looks=looks,
            )
    except httpx.HTTPError as failure:
        raise TrialVoid(f"the application did not answer: {failure!r}") from failure


@contextlib.asynccontextmanager
async def _break(servers: Servers, draw: Draw) -> AsyncIterator[tuple[Ground, models.Target]]:
    scenario = draw.scenario
    async with AsyncExitStack() as holding:
        async with connected(servers.postgres, servers.postgres.settings.database) as connection:
            await connection.execute(FORGET)
        running = await _start(servers, draw, holding)
        servers.prometheus.watch([each.application for each in running.values()])
        holding.callback(servers.prometheus.watch, [])
        if draw.has_bystanders:
            await holding.enter_async_context(open_decoys(servers.postgres, draw.service))
        load = Load(
            *(each.url for each in running.values()),
            rate=scenario.calm.rate,
            hold_ms=scenario.calm.hold_ms,
            seconds=LONGEST_RUN,
        )
        await holding.enter_async_context(load)
        broken = await holding.enter_async_context(application.reach(servers.state, running[scenario.broken]))
        ground = Ground(broken, servers, load, scenario.calm, holding)
        await _be_calm(ground)
        await scenario.fault.strike(ground)
        await _let_it_fire(ground, draw)
        yield ground, _describe(draw, running, servers)


async def _start(servers: Servers, draw: Draw, holding: AsyncExitStack) -> dict[str, Target]:
    settings = targets.Settings(
        instances=draw.scenario.instances,
        service=draw.service,
        pool_size=draw.started_size,
        acquire_timeout=draw.scenario.patience,
    )
    async with asyncio.TaskGroup() as group:
        starting = {
            name: group.create_task(
                holding.enter_async_context(
                    targets.run(servers.state, servers.engine, servers.postgres, settings, name)
                )
            )
            for name in settings.instances
        }
    return {name: each.result() for name, each in starting.items()}


async def _be_calm(ground: Ground) -> None:
    """Users are served, and have been for some time, or the fault would prove nothing."""
    began = time.monotonic()

    async def ask() -> str | None:
        served = ground.load.summarize().ok
        is_long = time.monotonic() - began > SECONDS_OF_CALM
        return None if is_long and served >= ANSWERS_OF_CALM else f"{served} users were served"

    await _wait(ask, SECONDS_TO_CALM, "a calm application")


async def _let_it_fire(ground: Ground, draw: Draw) -> None:
    """Until the alert fires by the project's own rule, the fault has struck, and the alert is delivered."""
    async with httpx.AsyncClient(base_url=ground.stack.prometheus.url, trust_env=False) as client:
        await _wait(lambda: why_calm(client, draw.service), SECONDS_TO_FIRE, "the alert")

    async def ask() -> str | None:
        return "not yet" if await draw.scenario.fault.culprits(ground) is None else None

    await _wait(ask, SECONDS_TO_STRIKE, "the fault to strike")
    await asyncio.sleep(draw.delivery)


async def _wait(ask: Callable[[], Awaitable[str | None]], within: float, what: str) -> None:
    if reason := await probes.until(ask, within):
        raise TrialVoid(f"waited {within:.0f} s for {what}: {reason}")


async def _investigate(servers: Servers, draw: Draw, target: models.Target) -> tuple[Evidence, ...]:
    """Look, and look again as long as the plan says so; one more look where the first one decided."""
    look = Look(target=target, policy=draw.policy, alert_name=EXHAUSTED)
    subject = Record(
        name="",
        scenario=draw.scenario.name,
        circumstances="",
        target=target,
        policy=draw.policy,
        truth=Truth(cause=draw.scenario.cause, options=frozenset(), instances=frozenset()),
        looks=(),
    )
    looks: list[Evidence] = []
    while len(looks) < MOST_LOOKS:
        looks.append(await servers.sources.investigate(look))
        _, step = decide(subject, looks)
        if not isinstance(step, LookAgain):
            break
        await asyncio.sleep(min(max(step.after.total_seconds(), 1.0), LONGEST_PAUSE))
    if len(looks) == 1:
        await asyncio.sleep(draw.policy.pace.settle.total_seconds())
        looks.append(await servers.sources.investigate(look))
    return tuple(looks)


async def _run_slowly(ground: Ground) -> list[int]:
    """Server processes of the application that read the whole table now, by the server's own word."""
    async with connected(ground.stack.postgres, SUPERUSER) as connection:
        rows = await connection.fetch(SLOWLY, ground.application.target.application.service)
    return [row["pid"] for row in rows]


async def _truth(draw: Draw, ground: Ground, running: list[int]) -> Truth:
    scenario, pids = draw.scenario, list[int]()
    if scenario.cause in FORGETTING:
        pids = await ground.application.forgotten()
    also = frozenset(scenario.then) & {Cause.SLOW}
    if Cause.SLOW in {scenario.cause, *also}:
        pids = [*running, *await _run_slowly(ground)]
    left = {
        *(await identify(ground.stack.postgres, pids)),
        *(await scenario.fault.culprits(ground) or ()),
    }
    return Truth(
        cause=scenario.cause,
        also=also,
        options=draw.remedies,
        sessions=tuple(Made(pid=each.pid, start=each.start) for each in sorted(left)),
        instances=frozenset({scenario.broken}),
    )


def _describe(draw: Draw, running: dict[str, Target], servers: Servers) -> models.Target:
    """The target as a configuration would have it."""
    settings, usual = servers.postgres.settings, draw.scenario.usual
    return models.Target(
        name=draw.service,
        matchers={"service": draw.service},
        profile="covetpy",
        selector={"service": draw.service},
        instances=tuple(
            Instance(
                name=name,
                url=HttpUrl(each.url),
                container=each.container.name,
                pool_size=draw.scenario.pool_size,
            )
            for name, each in running.items()
        ),
        database=Database(
            name="main",
            dsn=DSN,
            dbname=settings.database,
            role=settings.application_role,
            application_names=(draw.service,),
            others=6,
        ),
        routes=Routes(l1=("oncall",), l2=("database-team",), l3=("lead",)),
        reload=Reload(file=POOL_FILE),
        usual=Usual(request_rate=usual.rate, hold_seconds=usual.hold_ms / 1000),
    )
