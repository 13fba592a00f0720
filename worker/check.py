"""`poolmedic check`: asks every source of every target, read-only, and says what would be unavailable."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from math import ceil

from pydantic import BaseModel

from worker.check_options import check_options, without_container
from worker.check_servers import check_servers
from worker.check_settings import check_names, check_reports, check_routes, check_rules, check_tokens
from worker.config import Configuration
from worker.config_file import load_configuration
from worker.errors import WorkerError
from worker.findings import Finding, Weight
from worker.links import require_keys
from worker.logs import start_logging
from worker.namespace import require_set_up
from worker.profiles import known_profiles
from worker.settings import Settings
from worker.telemetry import new_runtime
from worker.temporal import connect
from worker.wiring import Sources, open_sources
from workflows.errors import PoolmedicError
from workflows.measured import longest_pause
from workflows.models.evidence import (
    ApplicationReading,
    ContainersReading,
    DatabaseReading,
    MetricsReading,
    ServerReading,
)
from workflows.models.policy import Option, Permission
from workflows.models.reading import Known, Unavailable, value_of
from workflows.ports.requests import Look
from workflows.wording import listed, span

LONGEST = 20.0
"""Seconds for one source."""
FIRST_WITH_ADMINS = 160000
"""The server's version from which on a role may be given another's settings (session_timeout.sql)."""


async def check_everything(settings: Settings, *, offline: bool) -> list[Finding]:
    """The file; then, unless offline, Temporal and every source. Raises `ConfigurationRefused`."""
    redaction = start_logging("error", "console")
    configuration = load_configuration(settings.config, profiles=known_profiles(settings), with_secrets=True)
    require_keys(settings, configuration)
    findings = [
        Finding(str(settings.config)),
        *check_routes(configuration, settings.config, redaction),
        *check_rules(configuration),
        *check_names(configuration),
    ]
    if offline:
        return findings
    findings += [*check_tokens(settings), await check_reports(settings, LONGEST), await check_temporal()]
    async with open_sources(settings, configuration, configuration.targets, redaction) as sources:
        return findings + await check_targets(configuration, sources)


async def check_temporal() -> Finding:
    """Temporal answers, and its namespace is prepared."""
    try:
        await require_set_up(await connect(new_runtime()))
    except WorkerError as error:
        return Finding("temporal", Weight.PROBLEM, str(error))
    return Finding("temporal")


async def check_targets(configuration: Configuration, ports: Sources) -> list[Finding]:
    """Every source of every target, one target after the other; then what they say together."""
    findings: list[Finding] = []
    servers: list[tuple[str, ServerReading]] = []
    for target in configuration.targets:
        look = Look(
            target=target.plain(),
            policy=configuration.policy_of(target),
            alert_name=configuration.alerts[0],
            hints=True,
        )
        asked = (_ask(f"{target.name} {source}", ask, look) for source, ask in _sources(ports, look))
        answers = await asyncio.gather(*asked)
        for reading, found in answers:
            findings += found
            if isinstance(reading, DatabaseReading):
                servers.append((target.database.name, reading.server))
        findings += check_options(look, (reading for reading, _ in answers))
    return [*findings, *check_servers(servers)]


def _sources(ports: Sources, look: Look) -> Iterator[tuple[str, Callable[[], Awaitable[object]]]]:
    yield "metrics", lambda: ports.metrics.read_metrics(look)
    yield "application", lambda: ports.application.read_application(look)
    yield "database", lambda: ports.database.read_database(look)
    if look.target.database.index_dsn and look.policy.permission(Option.INDEX) is not Permission.NEVER:
        yield "index login", lambda: ports.indexes.try_login(look.target.database)
    yield "containers", lambda: asyncio.to_thread(ports.containers.read_containers, look)
    yield "silences", lambda: ports.alerts.read_silence(look)


async def _ask(where: str, ask: Callable[[], Awaitable[object]], look: Look) -> tuple[object, list[Finding]]:
    """What was read, None where nothing was, and what there is to say of it."""
    try:
        async with asyncio.timeout(LONGEST):
            reading = await ask()
    except PoolmedicError as error:
        return None, [Finding(where, Weight.PROBLEM, error.message)]
    except TimeoutError:
        return None, [Finding(where, Weight.PROBLEM, f"no answer within {LONGEST:.0f} s")]
    return reading, list(_judge(where, reading, look)) or [Finding(where)]


def _judge(where: str, reading: object, look: Look) -> Iterator[Finding]:
    for path, reason in unavailable(reading):
        if isinstance(reading, ContainersReading) and path[1] in without_container(look.target):
            continue  # that is no fault: the options say what it means
        # A whole instance that is not seen is blindness; a single reading may just not exist yet.
        is_whole = len(path) == 2 and path[0] == "instances"
        yield Finding(f"{where} {'.'.join(path)}", Weight.PROBLEM if is_whole else Weight.NOTE, reason)
    match reading:
        case DatabaseReading():
            yield from _judge_database(where, reading, look)
        case MetricsReading():
            yield from _judge_metrics(where, reading, look)
            yield from _judge_scrapes(where, reading, look)
        case ApplicationReading():
            yield from _judge_application(where, reading, look)


def _judge_metrics(where: str, reading: MetricsReading, look: Look) -> Iterator[Finding]:
    if reading.unexpected:
        others = ", ".join(reading.unexpected)
        told = (
            f"instances that the configuration does not know: {others}; `name` is what the metrics call one"
        )
        yield Finding(where, Weight.NOTE, told)
    elif not any(isinstance(instance, Known) for instance in reading.instances.values()):
        labels = ", ".join(f"{name}={value}" for name, value in look.target.selector.items())
        yield Finding(
            where, Weight.PROBLEM, f"Prometheus has no pool with {labels}; correct `selector`, or `profile`"
        )


def _judge_scrapes(where: str, reading: MetricsReading, look: Look) -> Iterator[Finding]:
    """An incident whose window cannot be judged stays open for ever."""
    known = [each.value for each in reading.instances.values() if isinstance(each, Known)]
    pause = max((each.scrape_seconds for each in known if each.scrape_seconds is not None), default=0.0)
    longest = longest_pause(look.policy.clear_window)
    if pause > longest.total_seconds():
        told = (
            f"Prometheus scrapes every {span(pause)}, and the clear window needs a sample every "
            f"{span(longest)}: no incident here is ever `recovered`; scrape more often, or raise "
            f"clear_window.step to {ceil(pause)}s"
        )
        yield Finding(f"{where} scrapes", Weight.NOTE, told)


def _judge_application(where: str, reading: ApplicationReading, look: Look) -> Iterator[Finding]:
    """A maximum that is not as configured looks like lost capacity, which is no matter for an act."""
    for name, page in reading.instances.items():
        pool = value_of(page.value.pool) if isinstance(page, Known) else None
        configured = look.target.instance(name).pool_size
        if pool is not None and pool.size != configured:
            told = f"its pool has {pool.size} connections at most, and `pool_size` says {configured}"
            yield Finding(f"{where} {name}", Weight.NOTE, told)


def _judge_database(where: str, reading: DatabaseReading, look: Look) -> Iterator[Finding]:
    if refused := list(_refused_acts(reading.server, look)):
        remedy = "apply deploy/postgres/poolmedic.sql and list the role in poolmedic.application_role"
        yield Finding(where, Weight.PROBLEM, "; ".join([*refused, *_lacking(reading.server), remedy]))
    asks = look.policy.permission(Option.SESSION_TIMEOUT) is not Permission.NEVER
    if asks and reading.server.version < FIRST_WITH_ADMINS:
        told = (
            f"no timeout can be set for {look.target.database.role} where leaks come again: that needs "
            "PostgreSQL 16; list `session-timeout: never`, or leave it out of `options`"
        )
        yield Finding(f"{where} timeout", Weight.NOTE, told)
    elif asks and not reading.server.can_set_timeout:
        told = f"no timeout can be set for {look.target.database.role} where leaks come again"
        script = "deploy/postgres/session_timeout.sql"
        remedy = f"apply {script} and grant it the role, or list `session-timeout: never`"
        yield Finding(f"{where} timeout", Weight.NOTE, "; ".join([told, *_lacking(reading.server), remedy]))
    if reading.server.is_superuser:
        told = (
            f"{look.target.database.dsn} is the login of a superuser, whom no right binds; make it that of "
            "the role of deploy/postgres/poolmedic.sql"
        )
        yield Finding(f"{where} login", Weight.NOTE, told)
    for told in _missing_login(look):
        yield Finding(f"{where} index", Weight.NOTE, told)
    if obstacle := _obstacle_to_entry(reading.server):
        told = "poolmedic cannot get in when every slot is taken, unless its connection is still open"
        yield Finding(f"{where} slots", Weight.NOTE, f"{told}: {obstacle}")
    if reading.sessions_total == 0:
        database = look.target.database
        names = ", ".join(database.application_names)
        own = f"role {database.role}, database {database.dbname} and application_name {names}"
        yield Finding(where, Weight.NOTE, f"no session has {own} now; are they right?")


def _lacking(server: ServerReading) -> Iterator[str]:
    """Which rights are gone, once the files were applied."""
    if server.lacking:
        yield listed(server.lacking)


def _missing_login(look: Look) -> Iterator[str]:
    """What the policy has done, and no login is named for."""
    if look.policy.permission(Option.INDEX) is not Permission.NEVER and not look.target.database.index_dsn:
        yield "no index can be created: database.index_dsn names no login (deploy/postgres/index.sql)"


def _refused_acts(server: ServerReading, look: Look) -> Iterator[str]:
    """What the policy has done, and the server's functions do not let us do."""
    role = look.target.database.role
    if look.policy.permission(Option.TERMINATE) is not Permission.NEVER and not server.can_terminate:
        yield f"no session can be ended: poolmedic.terminate_session may not be called for {role}"
    if look.policy.permission(Option.CANCEL) is not Permission.NEVER and not server.can_cancel:
        yield f"no statement can be cancelled: poolmedic.cancel_query may not be called for {role}"


def _obstacle_to_entry(server: ServerReading) -> str | None:
    """What keeps us from a reserved slot, and the remedy."""
    if server.reserved_for_roles is None:
        return "PostgreSQL before version 16 reserves none for it"
    if not server.uses_reserved:
        return "its role lacks pg_use_reserved_connections; apply the SQL of deploy/postgres again"
    if server.reserved_for_roles == 0:
        return "reserved_connections is 0; set it to 2 or more, which takes a restart of PostgreSQL"
    return None


def unavailable(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and reason of everything inside a reading that could not be read."""
    if isinstance(value, Unavailable):
        yield path, value.reason
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            inner = path if name == "value" else (*path, name)
            yield from unavailable(getattr(value, name), inner)
    elif isinstance(value, dict):
        for name, inner_value in value.items():
            yield from unavailable(inner_value, (*path, str(name)))
