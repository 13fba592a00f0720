"""Which workflows and which activities a worker runs: builds every port with its clients and secrets."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from activities.alertmanager import AlertmanagerAlerts, NoAlertmanager
from activities.application import HttpApplication
from activities.containers import DockerContainers
from activities.engine import open_client
from activities.indexes import PostgresIndexes
from activities.notifications import AppriseNotifications
from activities.postgres import PostgresDatabase
from activities.prometheus import PrometheusMetrics
from activities.report_store import open_store
from activities.reports import StoredReports
from worker.config import Configuration, Source
from worker.errors import ConfigurationRefused, Fault
from worker.links import ballots_of, invitations_of, require_keys
from worker.logs import Redaction
from worker.profiles import known_profiles
from worker.secret import read_secret
from worker.settings import Settings
from workflows.database import Database
from workflows.errors import NotConfigured
from workflows.incident import Incident
from workflows.models.target import Target
from workflows.ports.activities import Alerts, Application, Notifications, Reports
from workflows.temporary_change import TemporaryChange

WORKFLOWS: Sequence[type] = (Incident, TemporaryChange, Database)
HTTP_SECONDS = 5.0
DOCKER_SECONDS = 10
"""For one answer of the engine; a restart gets the container's stop grace on top."""


@dataclass(frozen=True)
class Sources:
    """What is asked about a target."""

    metrics: PrometheusMetrics
    application: Application
    database: PostgresDatabase
    indexes: PostgresIndexes
    containers: DockerContainers
    alerts: Alerts

    async def close(self) -> None:
        """Close what they opened for themselves."""
        self.containers.close()
        await self.database.close()


@dataclass(frozen=True)
class Ports(Sources):
    """Every effect, behind its port."""

    notifications: Notifications
    reports: Reports

    @property
    def activities(self) -> list[Callable[..., Any]]:
        """What the worker registers."""
        return [
            self.metrics.read_metrics,
            self.metrics.read_window,
            self.application.read_application,
            self.database.read_database,
            self.database.terminate_sessions,
            self.database.cancel_queries,
            self.database.set_session_timeout,
            self.indexes.advise_index,
            self.indexes.create_index,
            self.indexes.measure_query,
            self.containers.read_containers,
            self.containers.restart_container,
            self.containers.resize_pool,
            self.alerts.read_silence,
            self.notifications.send_page,
            self.reports.store_report,
        ]

    async def warm(self) -> dict[str, str]:
        """Open what must be open before it is needed; why, by secret's name, for what could not be."""
        return await self.database.warm()

    async def rehearse(self) -> None:
        """Have what an incident asks of the databases planned before there is one."""
        await self.database.rehearse()


@asynccontextmanager
async def open_ports(
    settings: Settings, configuration: Configuration, redaction: Redaction
) -> AsyncIterator[Ports]:
    """Every port with its clients, until the block ends. Raises `MissingSecret`, `ConfigurationRefused`."""
    async with open_sources(settings, configuration, configuration.targets, redaction) as sources:
        yield Ports(
            **vars(sources),
            notifications=_notifications(settings, configuration, _Secrets(redaction)),
            reports=StoredReports(
                open_store(settings.reports),
                str(settings.reports_url) if settings.reports_url else None,
                sources.metrics.read_past,
                known_profiles(settings),
            ),
        )


@asynccontextmanager
async def open_sources(
    settings: Settings, configuration: Configuration, targets: Iterable[Target], redaction: Redaction
) -> AsyncIterator[Sources]:
    """What these targets are asked through; needs none of the secrets but theirs. Raises as `open_ports`."""
    profiles = known_profiles(settings)
    secrets = _Secrets(redaction)
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(_client(configuration.prometheus, secrets))
        application = await stack.enter_async_context(_client(None, secrets))
        databases = [each.database for each in targets]
        database = PostgresDatabase({name: secrets.dsn(name) for name in {each.dsn for each in databases}})
        owners = {each.index_dsn for each in databases if each.index_dsn}
        sources = Sources(
            metrics=PrometheusMetrics(prometheus, str(configuration.prometheus.url), profiles),
            application=HttpApplication(application, profiles),
            database=database,
            indexes=PostgresIndexes(database, {name: secrets.dsn(name) for name in owners}),
            containers=DockerContainers(lambda: open_client(settings.docker_host, DOCKER_SECONDS), profiles),
            alerts=await _alerts(configuration.alertmanager, secrets, stack),
        )
        stack.push_async_callback(sources.close)
        yield sources


@dataclass(frozen=True)
class _Secrets:
    """Reads a secret, and sees to it that no log line shows it."""

    redaction: Redaction

    def read(self, name: str) -> str:
        value = read_secret(name)
        self.redaction.know([value])
        return value

    def read_all(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self.read(name) for name in names}

    def dsn(self, name: str) -> str:
        value = self.read(name)
        try:
            address = urlsplit(value)
            passwords = [address.password or "", *parse_qs(address.query).get("password", [])]
        except ValueError:
            fault = Fault(name, "is no connection string like postgresql://user:password@host/database")
            raise ConfigurationRefused("the environment", (fault,)) from None
        self.redaction.know(form for each in passwords for form in (each, unquote(each)))
        return value


def _client(source: Source | None, secrets: _Secrets) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {secrets.read(source.token)}"} if source and source.token else {}
    return httpx.AsyncClient(headers=headers, timeout=HTTP_SECONDS, trust_env=False)


def _notifications(
    settings: Settings, configuration: Configuration, secrets: _Secrets
) -> AppriseNotifications:
    require_keys(settings, configuration)
    routes = {route: secrets.read_all(names) for route, names in configuration.routes.items()}
    try:
        return AppriseNotifications(routes, invitations_of(settings), ballots_of(settings))
    except NotConfigured as error:
        raise ConfigurationRefused("the environment", (Fault("routes", error.message),)) from error


async def _alerts(source: Source | None, secrets: _Secrets, stack: AsyncExitStack) -> Alerts:
    if source is None:
        return NoAlertmanager()
    client = await stack.enter_async_context(_client(source, secrets))
    return AlertmanagerAlerts(client, str(source.url))
