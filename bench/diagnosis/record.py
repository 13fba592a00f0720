"""A record: the looks at one broken pool, with what is really true of it, which no look says."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

from deploy.local.errors import StackError
from workflows.models.base import Model
from workflows.models.diagnosis import Cause
from workflows.models.evidence import (
    ApplicationPage,
    ApplicationReading,
    ContainersReading,
    ContainerState,
    DatabaseReading,
    Evidence,
    InstanceMetrics,
    MetricsReading,
    PoolState,
)
from workflows.models.policy import Option, Policy
from workflows.models.reading import Known, Unavailable
from workflows.models.session import SessionIdentity
from workflows.models.target import Target


class Made(Model):
    """A session that the fault made, as the server named it: nobody's diagnosis."""

    pid: int
    start: int
    """Of the backend, in whole seconds since 1970."""

    @classmethod
    def of(cls, identity: SessionIdentity) -> Self:
        """How the trial would name this session."""
        return cls(pid=identity.pid, start=int(identity.backend_start.timestamp()))


class Truth(Model):
    """What the trial knows because it broke the pool itself."""

    cause: Cause
    also: frozenset[Cause] = frozenset()
    """Causes that are there at the same time, and may be seen first: whichever holds more connections."""
    options: frozenset[Option]
    """What may be done about it; nothing else is right, even on the right cause."""
    sessions: tuple[Made, ...] = ()
    """What the fault left on the server: all that may be ended or cancelled."""
    instances: frozenset[str]
    """Where it struck: all that may be restarted."""


class Record(Model):
    """One real run, or a variation of one."""

    name: str
    scenario: str
    circumstances: str
    """What was random about it, for a person."""
    target: Target
    policy: Policy
    truth: Truth
    looks: tuple[Evidence, ...]
    """In the order of time, each the one before of the next."""
    variations: tuple[str, ...] = ()
    is_complete: bool = True
    """False: a variation has taken away something that the cause is told by."""

    def with_looks(self, change: Callable[[Evidence], Evidence]) -> Self:
        """The same with every look changed."""
        return self.model_copy(update={"looks": tuple(map(change, self.looks))})

    def with_metrics(self, change: Callable[[MetricsReading], MetricsReading]) -> Self:
        """The same with what Prometheus said changed, wherever it said something."""
        return self.with_looks(
            lambda look: look.model_copy(update={"metrics": changed(look.metrics, change)})
        )

    def with_application(self, change: Callable[[ApplicationReading], ApplicationReading]) -> Self:
        """The same for the application's own pages."""
        return self.with_looks(
            lambda look: look.model_copy(update={"application": changed(look.application, change)})
        )

    def with_database(self, change: Callable[[DatabaseReading], DatabaseReading]) -> Self:
        """The same for PostgreSQL."""
        return self.with_looks(
            lambda look: look.model_copy(update={"database": changed(look.database, change)})
        )

    def with_containers(self, change: Callable[[ContainersReading], ContainersReading]) -> Self:
        """The same for the container engine."""
        return self.with_looks(
            lambda look: look.model_copy(update={"containers": changed(look.containers, change)})
        )

    def with_pools(self, change: Callable[[str, PoolState], PoolState]) -> Self:
        """The same with every instance's pool changed, on its own page and in the metrics."""

        return self.with_each_metrics(
            lambda name, one: one.model_copy(update={"pool": change(name, one.pool)})
        ).with_each_page(
            lambda name, page: page.model_copy(
                update={"pool": changed(page.pool, lambda pool: change(name, pool))}
            )
        )

    def with_each_metrics(self, change: Callable[[str, InstanceMetrics], InstanceMetrics]) -> Self:
        """The same with what was scraped of every instance changed, by its name."""
        return self.with_metrics(
            lambda whole: whole.model_copy(update={"instances": _changed(whole.instances, change)})
        )

    def with_each_page(self, change: Callable[[str, ApplicationPage], ApplicationPage]) -> Self:
        """The same for every instance's own pages."""
        return self.with_application(
            lambda whole: whole.model_copy(update={"instances": _changed(whole.instances, change)})
        )

    def with_each_container(self, change: Callable[[str, ContainerState], ContainerState]) -> Self:
        """The same for every instance's container."""
        return self.with_containers(
            lambda whole: whole.model_copy(update={"instances": _changed(whole.instances, change)})
        )


def changed[T](reading: Known[T] | Unavailable, change: Callable[[T], T]) -> Known[T] | Unavailable:
    """The reading with its value changed; what is unavailable stays so."""
    if isinstance(reading, Unavailable):
        return reading
    return reading.model_copy(update={"value": change(reading.value)})


def _changed[T](
    parts: Mapping[str, Known[T] | Unavailable], change: Callable[[str, T], T]
) -> dict[str, Known[T] | Unavailable]:
    return {name: changed(part, partial(change, name)) for name, part in parts.items()}


def write_record(record: Record, folder: Path) -> None:
    """One JSON file, by the record's name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record.name}.json").write_text(record.model_dump_json() + "\n")


def read_records(folder: Path) -> list[Record]:
    """Every record of the folder, by name; raises `StackError` where there is none."""
    if not (files := sorted(folder.glob("*.json"))):
        raise StackError(f"no records in {folder}")
    return [Record.model_validate_json(file.read_bytes()) for file in files]
