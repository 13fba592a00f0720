"""The drill's application: its schema in the database, and one container per instance."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from deploy.local import container
from deploy.local.container import Container, Program
from deploy.local.engine import Engine
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import Postgres
from deploy.local.prometheus import Application
from deploy.local.state import State

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "deploy" / "target"
PYTHON = ROOT / ".venv-target" / "bin" / "python"
POOL_FILE = "/var/lib/target/pool.json"
DRILL_TOKEN = "drill-token"  # noqa: S105  the name of the file that holds it


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``instances`` name the containers too; ``environment`` is laid over what the rest of this says."""

    instances: tuple[str, ...] = ("covetpy-app",)
    service: str = "covetpy-app"
    pool_size: int = 20
    max_overflow: int = 0
    acquire_timeout: float = 2.0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """One running instance: its container, the address of its pages, and how Prometheus sees it."""

    container: Container
    url: str
    application: Application


async def create_schema(server: Postgres) -> None:
    """Create the application's tables, as its own role."""
    connection = await asyncpg.connect(server.application_dsn)
    try:
        await connection.execute((PACKAGE / "schema.sql").read_text())
    finally:
        await connection.close()


def describe(state: State, settings: Settings) -> list[Application]:
    """How Prometheus will see the instances, known before they run."""
    return [_describe(state, settings, instance) for instance in settings.instances]


@contextlib.asynccontextmanager
async def run(
    state: State, engine: Engine, server: Postgres, settings: Settings, instance: str
) -> AsyncIterator[Target]:
    """Run one instance for the block, from the moment it is healthy; raises StackError."""
    application = _describe(state, settings, instance)
    url = f"http://{application.address}"
    program = Program(
        name=instance,
        package=PACKAGE,
        python=PYTHON,
        environment=_environment(state, server, settings, instance),
        health=f"{url}/health",
        labels={"poolmedic.service": settings.service},
    )
    async with container.run(state, engine, program) as running:
        yield Target(running, url, application)


def _describe(state: State, settings: Settings, instance: str) -> Application:
    return Application(f"{LOOPBACK}:{_port(state, instance)}", settings.service, instance)


def _port(state: State, instance: str) -> int:
    return state.port(f"target-{instance}")


def _environment(state: State, server: Postgres, settings: Settings, instance: str) -> dict[str, str]:
    role = server.settings.application_role
    return {
        "TARGET_PORT": str(_port(state, instance)),
        "TARGET_INSTANCE": instance,
        "DATABASE_HOST": server.host,
        "DATABASE_PORT": str(server.port),
        "DATABASE_NAME": server.settings.database,
        "DATABASE_USER": role,
        "DATABASE_PASSWORD": server.password(role),
        "DATABASE_APPLICATION_NAME": settings.service,
        "DATABASE_POOL_SIZE": str(settings.pool_size),
        "DATABASE_MAX_OVERFLOW": str(settings.max_overflow),
        "POOL_ACQUIRE_TIMEOUT": str(settings.acquire_timeout),
        "POOL_CONFIG_FILE": POOL_FILE,
        "DRILL_TOKEN": state.secret(DRILL_TOKEN),
        **settings.environment,
    }
