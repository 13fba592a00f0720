"""Free TCP ports on 127.0.0.1, kept from other stacks of this machine for the life of this process.

Ports come from outside the kernel's ephemeral range. Inside it, any outgoing connection (a load
generator makes thousands) can take a server's port while that server restarts, and a client that
retries a closed local port can even connect to itself.
"""

from __future__ import annotations

import errno
import secrets
import socket
from pathlib import Path

from deploy.local.errors import NoFreePort

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 20000, 65000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 2000


class PortReservations:
    """Hands out ports by name: the same name gets the same port, so a restarted server keeps its address."""

    def __init__(self) -> None:
        self._ports: dict[str, int] = {}
        self._claims: list[socket.socket] = []

    def port(self, name: str) -> int:
        """The port of this name; raises NoFreePort."""
        if name not in self._ports:
            self._ports[name] = self._reserve()
        return self._ports[name]

    def release(self) -> None:
        for claim in self._claims:
            claim.close()
        self._claims.clear()
        self._ports.clear()

    def _reserve(self) -> int:
        for _ in range(TRIES):
            port = LOWEST + secrets.randbelow(HIGHEST - LOWEST)
            if not _is_ephemeral(port) and _is_free(port) and self._claim(port):
                return port
        raise NoFreePort

    def _claim(self, port: int) -> bool:
        """An abstract socket is freed by the kernel when its process ends, however it ends."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0poolmedic-port-{port}")
        except OSError as exc:
            claim.close()
            if exc.errno == errno.EADDRINUSE:
                return False
            raise
        self._claims.append(claim)
        return True


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _is_ephemeral(port: int) -> bool:
    try:
        low, high = (int(word) for word in EPHEMERAL.read_text().split())
    except OSError:
        return False
    # A machine whose ephemeral range is nearly everything leaves no choice.
    return high - low < HIGHEST - LOWEST and low <= port <= high
