"""Secrets by name: an environment variable, or the file that `NAME_FILE` points to."""

import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field

from worker.errors import MissingSecret

_NAME = r"^[A-Z][A-Z0-9_]*$"
_OF_LIBRARIES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "TEMPORAL_API_KEY")
_HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
"""Of which a value that is not well formed is told by the library that reads it."""

type SecretName = Annotated[str, Field(pattern=_NAME)]


def is_secret_name(text: str) -> bool:
    """Whether the text can be the name of an environment variable, as the configuration writes them."""
    return re.fullmatch(_NAME, text) is not None


def read_secret(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """The secret of that name, without the newline at its end; raises `MissingSecret`."""
    if value := environment.get(name, "").strip():
        return value
    file = environment.get(f"{name}_FILE")
    if not file:
        raise MissingSecret(f"neither {name} nor {name}_FILE is set in the environment; set one of them")
    return _read_file(name, Path(file))


def secrets_of_libraries(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """What libraries read from the environment by themselves, and no log may hold."""
    yield from (environment.get(name, "") for name in _OF_LIBRARIES)
    for header in ",".join(environment.get(name, "") for name in _HEADERS).split(","):
        value = header.partition("=")[2].strip()
        yield from (header.strip(), value, unquote(value))


def sent_logins(secret: str) -> Iterator[str]:
    """Where the secret is an address with a user, what stands behind `Basic` in a request; or nothing."""
    try:
        address = urlsplit(secret)
        user, password = address.username, address.password or ""
    except ValueError:
        return
    if user:
        for login in {f"{user}:{password}", f"{unquote(user)}:{unquote(password)}"}:
            for encoding in ("utf-8", "latin-1"):
                sent = login.encode(encoding, "replace")
                # Without its padding, which not everybody writes.
                yield from (form(sent).decode().rstrip("=") for form in (b64encode, urlsafe_b64encode))


def _read_file(name: str, file: Path) -> str:
    try:
        value = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise MissingSecret(f"{name}_FILE names {file}, which cannot be read: {reason}") from error
    if not value:
        raise MissingSecret(f"{name}_FILE names {file}, which is empty; write the secret into it")
    return value
