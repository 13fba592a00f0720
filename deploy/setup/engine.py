"""Asks whether a Docker Engine of the user's answers, with nothing but the standard library."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

DEFAULT = "unix:///var/run/docker.sock"
SECONDS_TO_ANSWER = 5


def answers(address: str | None = None) -> bool:
    """Whether an engine at ``address`` (else DOCKER_HOST, else the default socket) answers a ping."""
    where = urlsplit(address or os.environ.get("DOCKER_HOST") or DEFAULT)
    try:
        with _connect(where.scheme, where.path, where.hostname, where.port) as connection:
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            status = connection.recv(64)
    except (OSError, ValueError):
        return False
    return status.startswith(b"HTTP/1.") and b" 200 " in status


def _connect(scheme: str, path: str, host: str | None, port: int | None) -> socket.socket:
    if scheme == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(SECONDS_TO_ANSWER)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return connection
    if scheme in {"tcp", "http"} and host:
        return socket.create_connection((host, port or 2375), timeout=SECONDS_TO_ANSWER)
    raise ValueError(f"cannot ping an engine over {scheme}")
