"""A target: one application with its pools, their metrics and health, and one database."""

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, HttpUrl, PositiveInt, model_validator

from workflows.models.base import Duration, Model
from workflows.models.page import Level


def _without_credentials(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError(
            "must hold no user name and no password, because people are shown it; leave them out"
        )
    return url


type Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
type Url = Annotated[HttpUrl, AfterValidator(_without_credentials)]


class Instance(Model):
    """One container or process with a pool of its own."""

    name: Annotated[str, Field(min_length=1)]
    """How the metrics name it: the value of the profile's instance label."""
    url: Url
    """Where its own pages are: health, metrics, probe, pool."""
    container: str | None = None
    """The Docker container's name; without it nothing can be restarted or resized here."""
    pool_size: PositiveInt
    """The configured maximum of its pool, overflow included; the baseline of every resize."""


class Reload(Model):
    """How the application takes a new pool size while it runs: a JSON file in the container and a signal."""

    file: str
    size_key: str = "pool_size"
    overflow_key: str | None = "max_overflow"
    signal: Literal["HUP", "USR1", "USR2"] = "HUP"


class Database(Model):
    """The database server the pools connect to, and who the application is there."""

    name: Name
    """One per server: names the workflow `database/<name>` that gives permits."""
    dsn: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
    """Name of the environment variable that holds the connection string; never the string itself."""
    index_dsn: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """The same for a login that may create indexes on the application's tables (deploy/postgres/index.sql);
    without it none is created."""
    dbname: str
    role: str
    """The application's own role; sessions of any other role are never touched."""
    application_names: Annotated[tuple[str, ...], Field(min_length=1)]
    """The `application_name`s of this target; sessions with any other name are never touched."""
    cores: PositiveInt | None = None
    """Processors that the server may use, which no database tells; None is not known, nor looked at."""
    others: Annotated[int, Field(ge=0)] = 0
    """Sum of the configured maxima of everyone else who connects to this server."""
    system_identifier: str | None = None
    """From `pg_control_system()`; when given, a server with another one is not believed."""
    standby: bool = False
    """The pools connect to a standby; unless it says so, a server in recovery is not believed."""
    transaction_pooler: bool = False
    """PgBouncer in transaction mode stands between: no session is signalled by pid."""


class Usual(Model):
    """What is normal, for as long as the metrics hold no day or week to compare with."""

    request_rate: Annotated[float, Field(gt=0)] | None = None
    """Requests per second over all instances."""
    hold_seconds: Annotated[float, Field(gt=0)] | None = None
    """Mean time a request keeps a connection."""


class Routes(Model):
    """Names of notification routes of the configuration file, per level; tried in order."""

    l1: Annotated[tuple[str, ...], Field(min_length=1)]
    l2: Annotated[tuple[str, ...], Field(min_length=1)]
    l3: Annotated[tuple[str, ...], Field(min_length=1)]

    def of(self, level: Level) -> tuple[str, ...]:
        """The routes of one level."""
        return {Level.L1: self.l1, Level.L2: self.l2, Level.L3: self.l3}[level]


class Log(Model):
    """Which lines of the application's own log may be read and shown; none are where this is left out."""

    pattern: re.Pattern[str]
    """Lines in which this is found, for example `pool|timeout`."""
    most: Annotated[int, Field(ge=1, le=20)] = 5
    """The last so many of them."""
    within: Duration = timedelta(minutes=15)
    """Not older than this."""


class Target(Model):
    """One application as the configuration file describes it."""

    name: Name
    matchers: Annotated[dict[str, str], Field(min_length=1)]
    """An alert belongs to this target when its labels have all of these values."""
    profile: str
    """The metric profile: which PromQL says what for this kind of application."""
    selector: Annotated[dict[str, str], Field(min_length=1)]
    """Labels that select this target's series in Prometheus."""
    instances: Annotated[tuple[Instance, ...], Field(min_length=1)]
    database: Database
    routes: Routes
    reload: Reload | None = None
    log: Log | None = None
    usual: Usual = Usual()
    surge: Annotated[float, Field(ge=1)] = 1.0
    """How many times its instances a deployment may run at once (slot arithmetic)."""
    critical: bool = False
    """Business-critical: engineering leadership is told at once."""

    @model_validator(mode="after")
    def _instances_are_told_apart(self) -> "Target":
        names = [instance.name for instance in self.instances]
        if len(set(names)) != len(names):
            raise ValueError("instances: two have the same name; give each its own")
        return self

    def instance(self, name: str) -> Instance:
        """The configured instance of that name; KeyError if there is none."""
        return {instance.name: instance for instance in self.instances}[name]
