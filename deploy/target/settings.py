"""Everything the target is told from outside: environment variables and the pool's configuration file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

LARGEST_POOL = 1_000
Port = Annotated[int, Field(ge=1, le=65_535)]
Name = Annotated[str, StringConstraints(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=300)]


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable. Set it and start again."""


class PoolFileError(Exception):
    """The pool's configuration file can't be used; the message says why. The running size stays."""


class PoolSize(BaseModel):
    """Connections that are kept open, and how many more may be opened while demand lasts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    pool_size: int = Field(ge=1, le=LARGEST_POOL)
    max_overflow: int = Field(default=0, ge=0, le=LARGEST_POOL)

    @property
    def slots(self) -> int:
        return self.pool_size + self.max_overflow

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `{"pool_size": n, "max_overflow": n}`; raises PoolFileError."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as exc:
            raise PoolFileError(f"{path}: {exc.strerror}") from exc
        except ValidationError as exc:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
            raise PoolFileError(f"{path}: {faults}") from exc


@dataclass(frozen=True, slots=True)
class Database:
    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    application_name: str


@dataclass(frozen=True, slots=True)
class Settings:
    port: int
    instance: str
    database: Database
    pool: PoolSize
    pool_file: Path | None
    acquire_timeout: float
    leak_after: float
    reaps_dead: bool
    drill_token: str | None = field(repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the variables that the module's README lists; raises SettingsError."""
        read = Reader(environ)
        pool_file = environ.get("POOL_CONFIG_FILE")
        return cls(
            port=read(Port, "TARGET_PORT"),
            instance=read(Name, "TARGET_INSTANCE"),
            database=read_database(read),
            pool=PoolSize(
                pool_size=read(int, "DATABASE_POOL_SIZE", "10"),
                max_overflow=read(int, "DATABASE_MAX_OVERFLOW", "0"),
            ),
            pool_file=Path(pool_file) if pool_file else None,
            acquire_timeout=read(Seconds, "POOL_ACQUIRE_TIMEOUT", "2"),
            leak_after=read(Seconds, "POOL_LEAK_AFTER", "30"),
            reaps_dead=read(bool, "TARGET_REAPS_DEAD", "1"),
            drill_token=environ.get("DRILL_TOKEN") or None,
        )


def read_database(read: "Reader") -> Database:
    return Database(
        host=read(Name, "DATABASE_HOST", "127.0.0.1"),
        port=read(Port, "DATABASE_PORT", "5432"),
        name=read(Name, "DATABASE_NAME"),
        user=read(Name, "DATABASE_USER"),
        password=read(str, "DATABASE_PASSWORD"),
        application_name=read(Name, "DATABASE_APPLICATION_NAME", "covetpy-app"),
    )


@dataclass(frozen=True, slots=True)
class Reader:
    environ: Mapping[str, str]

    def __call__[T](self, kind: type[T], name: str, default: str | None = None) -> T:
        value = self.environ.get(name, default)
        if value is None:
            raise SettingsError(f"{name} is not set")
        try:
            return TypeAdapter(kind).validate_python(value)
        except ValidationError as exc:
            raise SettingsError(f"{name}: {exc.errors()[0]['msg']}") from exc
