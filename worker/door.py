"""The way in to the site: whoever greets slowly, or never, keeps no other connection out."""

import asyncio
import socket
import ssl
from collections.abc import Callable

import structlog

BACKLOG = 128
MOST_GREETING = BACKLOG
"""Connections whose TLS handshake is under way; they are not yet among the site's connections."""
SECONDS_FOR_GREETING = 5.0
"""For the handshake of TLS, and for its end."""
SECONDS_WITHOUT_ROOM = 1.0
"""Until it is tried again where the system had no descriptor left."""
_log = structlog.get_logger("poolmedic.http")


class Door:
    """Takes in the connections of one listener, from its making until it is closed."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._listener, self._protocol, self._tls = listener, protocol, tls
        self._loop = asyncio.get_running_loop()
        self._greeting: dict[asyncio.Task[None], None] = {}
        self._retry: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._open()

    def close(self) -> None:
        """Take nobody in any more; those who are inside may stay."""
        self._loop.remove_reader(self._listener)
        if self._retry is not None:
            self._retry.cancel()
        for task in self._greeting:
            task.cancel()

    def _open(self) -> None:
        self._loop.add_reader(self._listener, self._take_all)

    def _take_all(self) -> None:
        """Those that are there; no more than may greet at once, so that each has begun when it has to go."""
        for _ in range(MOST_GREETING):
            try:
                line, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as failure:
                self._wait_for_room(failure)
                return
            self._take(line)

    def _take(self, line: socket.socket) -> None:
        """Let it greet; where too many do, the one that has greeted longest goes."""
        if self._tls is not None and len(self._greeting) >= MOST_GREETING:
            oldest = next(iter(self._greeting))
            del self._greeting[oldest]
            oldest.cancel()
        task = self._loop.create_task(self._greet(line))
        self._greeting[task] = None
        task.add_done_callback(lambda done: self._greeting.pop(done, None))

    async def _greet(self, line: socket.socket) -> None:
        seconds = None if self._tls is None else SECONDS_FOR_GREETING
        try:
            await self._loop.connect_accepted_socket(
                self._protocol,
                line,
                ssl=self._tls,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds,
            )
        except OSError as failure:
            _log.debug("a connection was given up in its greeting", reason=type(failure).__name__)

    def _wait_for_room(self, failure: OSError) -> None:
        _log.error("no connection can be taken; raise the limit of open files", reason=failure.strerror)
        self._loop.remove_reader(self._listener)
        self._retry = self._loop.call_later(SECONDS_WITHOUT_ROOM, self._open)
