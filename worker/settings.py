"""Settings of the processes, by environment: `POOLMEDIC_…`. Temporal's own come from `TEMPORAL_…`."""

import ipaddress
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from worker.errors import ConfigurationRefused, Fault, MissingSecret
from worker.payload_keys import SETTING as PAYLOAD_KEYS
from worker.payload_keys import PayloadKey, read_payload_keys
from worker.secret import read_secret
from workflows.models.target import Url

PREFIX = "POOLMEDIC_"
SHORTEST_TOKEN = 16
TOKENS = ("webhook_tokens", "read_tokens", "link_keys", "codec_tokens")
SECRETS = (*TOKENS, "payload_keys")


def _entries(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _split(value: object) -> object:
    return _entries(value) if isinstance(value, str) else value


def _without_password(address: str) -> str:
    if "@" in address.partition("://")[2].partition("/")[0]:
        raise ValueError(
            "must hold no user name and no password, because people are shown it; give them to fsspec by its "
            "own environment variables (FSSPEC_<PROTOCOL>_USERNAME, ..._PASSWORD)"
        )
    return address


def _docker_address(address: str) -> str:
    if not re.fullmatch(r"(unix|tcp|https?|ssh|npipe)://.+|[^/:]+:\d+", address):
        raise ValueError("must be an address like unix:///var/run/docker.sock or tcp://host:2375")
    if re.match(r"(?!unix|npipe)\w+://[^@]*:.*@", address):
        raise ValueError(
            "must hold no password, because people are told where the engine was sought; let a proxy on this "
            "machine, or ssh://user@host with its key, hold it"
        )
    return address


def _as_origin(text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s@?#*]+", text):
        raise ValueError(
            "must be the scheme and the host of the Temporal UI as a browser names them, without a path: "
            "https://temporal.example"
        )
    return text.lower()


type Tokens = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
type Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """How the processes run. What they look after is in the configuration file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, env_ignore_empty=True)

    config: Path = Path("poolmedic.yaml")
    """The configuration file of targets and policies."""
    host: str = "127.0.0.1"
    """Where HTTP is listened on: without more, only this machine reaches it."""
    port: Port = 8080
    """Of the webhook, and of `run`."""
    worker_port: Port = 8081
    """Of a worker on its own: health and metrics only."""
    tls_certificate: Path | None = None
    """PEM file of the certificate chain; without it the pages are plain HTTP."""
    tls_key: Path | None = None
    """PEM file of the certificate's key, where the chain's file does not hold it."""
    webhook_tokens: Tokens = ()
    """Bearer tokens that may deliver alerts; several at once while they are rotated."""
    read_tokens: Tokens = ()
    """Bearer tokens that may only read metrics and the interface's description."""
    link_keys: Tokens = ()
    """Keys that sign the links in messages; the first signs, the others are known while they are rotated."""
    public_url: Url | None = None
    """Where people reach these pages; with a key, every page to people holds a link to acknowledge, and those
    to approvers who have routes of their own a link to answer."""
    payload_keys: Tokens = ()
    """Keys that encrypt what Temporal keeps, `id:base64`; the first encrypts, all decrypt."""
    codec_tokens: Tokens = ()
    """Bearer tokens that may have payloads decrypted and encrypted; without them nobody may."""
    codec_origin: Annotated[str, AfterValidator(_as_origin)] | None = None
    """Of the Temporal UI whose pages may do so; without it no browser's page may."""
    task_queue: Annotated[str, Field(min_length=1)] = "poolmedic"
    profiles: Path | None = None
    """A folder of metric profiles of your own, instead of the one that the configuration file names."""
    reports: Annotated[str, AfterValidator(_without_password)] = "var/reports"
    """Where reports are kept: a folder, or the URL of a storage that fsspec knows (s3://…, gs://…, ftp://…)."""
    reports_url: Url | None = None
    """Where people find them, if they are served somewhere."""
    sdk_metrics_port: Port = 0
    """Of the Temporal SDK's metrics, on the loopback, shown as part of `/metrics`; 0 chooses a free one."""
    docker_host: Annotated[str, AfterValidator(_docker_address)] | None = None
    """The Docker Engine's address; without it the one that the `docker` command would use."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"
    graceful_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long running activities get to end when the process is told to stop."""

    @model_validator(mode="after")
    def _tokens_are_long(self) -> Self:
        for name in TOKENS:
            if any(len(token.get_secret_value()) < SHORTEST_TOKEN for token in getattr(self, name)):
                variable = f"{PREFIX}{name.upper()}"
                raise ValueError(
                    f"{variable}: a token has fewer than {SHORTEST_TOKEN} characters; make it longer"
                )
        return self

    @model_validator(mode="after")
    def _links_are_whole(self) -> Self:
        if bool(self.link_keys) != bool(self.public_url):
            missing, given = ("PUBLIC_URL", "LINK_KEYS") if self.link_keys else ("LINK_KEYS", "PUBLIC_URL")
            raise ValueError(f"{PREFIX}{missing}: must be set beside {PREFIX}{given}, or neither of them")
        return self

    @model_validator(mode="after")
    def _payloads_can_be_sealed(self) -> Self:
        try:
            keys = self.sealing_keys
        except ValueError as error:
            raise ValueError(f"{PAYLOAD_KEYS}: {error}") from None
        if self.codec_tokens and not keys:
            raise ValueError(f"{PAYLOAD_KEYS}: must be set beside {PREFIX}CODEC_TOKENS")
        if self.codec_origin and not self.codec_tokens:
            raise ValueError(f"{PREFIX}CODEC_TOKENS: must be set beside {PREFIX}CODEC_ORIGIN")
        return self

    @model_validator(mode="after")
    def _tls_files_are_there(self) -> Self:
        for name in ("tls_certificate", "tls_key"):
            file = getattr(self, name)
            if file is not None and not file.is_file():
                raise ValueError(f"{PREFIX}{name.upper()}: {file} is no file")
        if self.tls_key and not self.tls_certificate:
            raise ValueError(f"{PREFIX}TLS_KEY: needs {PREFIX}TLS_CERTIFICATE beside it")
        return self

    @property
    def sealing_keys(self) -> tuple[PayloadKey, ...]:
        """Those that encrypt payloads; raises `ValueError`, but not once the settings are there."""
        return read_payload_keys(entry.get_secret_value() for entry in self.payload_keys)

    @property
    def secrets(self) -> Iterator[str]:
        """Every one that no log may hold; of a key that encrypts, its id may be told."""
        for name in TOKENS:
            yield from (token.get_secret_value() for token in getattr(self, name))
        yield from (entry.get_secret_value().partition(":")[2] for entry in self.payload_keys)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach what is listened on."""
        return _is_loopback(self.host)

    @property
    def unencrypted(self) -> tuple[str, ...]:
        """What others can read on its way, with the remedy."""
        found = []
        if not (self.is_loopback or self.tls_certificate):
            found.append(
                "tokens travel unencrypted; set POOLMEDIC_TLS_CERTIFICATE, or put a proxy with TLS before"
            )
        url = self.public_url
        if url is not None and url.scheme == "http" and not _is_loopback(url.host or ""):
            found.append("links in messages travel unencrypted; let POOLMEDIC_PUBLIC_URL begin with https")
        return tuple(found)


def _is_loopback(host: str) -> bool:
    """Whether the name or address is of the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - fields of every type
    """Settings from the environment, and `given` ones before it; raises `ConfigurationRefused`."""
    values = {name: value for name, value in given.items() if value is not None}
    try:
        for name in SECRETS:
            values.setdefault(name, _read_tokens(f"{PREFIX}{name.upper()}"))
        return Settings(**values)
    except MissingSecret as missing:
        raise ConfigurationRefused("the environment", (Fault(PREFIX + "…_FILE", str(missing)),)) from missing
    except ValidationError as error:
        raise ConfigurationRefused("the environment", tuple(_faults(error))) from None


def load_payload_keys() -> tuple[PayloadKey, ...]:
    """The keys alone, for whoever needs no other setting; raises `ConfigurationRefused`."""
    try:
        return read_payload_keys(_entries(_read_tokens(PAYLOAD_KEYS)))
    except (MissingSecret, ValueError) as error:
        raise ConfigurationRefused("the environment", (Fault(PAYLOAD_KEYS, str(error)),)) from None


def _read_tokens(name: str) -> str:
    is_given = os.environ.get(name) or os.environ.get(f"{name}_FILE")
    return read_secret(name) if is_given else ""


def _faults(error: ValidationError) -> list[Fault]:
    """One per setting. The input itself is never told: it may be a token."""
    return [
        _fault("_".join(str(part) for part in found["loc"]), found["msg"].removeprefix("Value error, "))
        for found in error.errors(include_input=False, include_context=False, include_url=False)
    ]


def _fault(field: str, said: str) -> Fault:
    """What is said of several settings together begins with the one that is to be changed."""
    name, _, rest = said.partition(": ")
    return Fault(PREFIX + field.upper(), said) if field else Fault(name, rest)
