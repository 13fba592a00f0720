"""Connections to the site: none may wait in silence for long, and none that waits keeps another out."""

import asyncio
import logging
import resource
from typing import Any, ClassVar, override

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from worker.seldom import Seldom

MOST_CONNECTIONS = 200
SECONDS_FOR_HEAD = 10.0
"""From the connection's start, or the answer before, until a request's head is complete."""
SECONDS_FOR_ANSWER = 10.0
"""Until whoever asked has read enough of the answer for the system to hold the rest."""
SECONDS_TO_LEAVE = 5.0
"""For whoever was turned away, to read why, however busy it is itself."""
MOST_LEAVING = 1_000
"""Who do so at once, where the process may open so many files."""
_SHARE_LEAVING = 0.4
"""Of those files, for whoever was turned away."""
_CROWD = MOST_CONNECTIONS // 2
"""Beyond so many, no connection is kept for a next request: it could be turned away with that on its way."""
_CLOSE = (b"connection", b"close")
_TOO_MANY = b"too many connections at once; send it again"
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s"
) % (len(_TOO_MANY), _TOO_MANY)
_seldom = Seldom()
_logger = logging.getLogger("poolmedic.connections")


def _is_written(record: logging.LogRecord) -> bool:
    """What uvicorn warns of here is what strangers send; a failure of ours is always written."""
    if record.levelno != logging.WARNING:
        return True
    others = record.__dict__["others"] = _seldom.passed_over(str(record.msg))
    return others is not None


_logger.addFilter(_is_written)


def _most_leaving() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MOST_LEAVING, int(_SHARE_LEAVING * files)) if files >= 0 else MOST_LEAVING


class Connection(H11Protocol):
    """uvicorn's own, which by itself would wait for a head for ever, and warn of each one that is none."""

    cycle: RequestResponseCycle | None  # type: ignore[assignment]
    """The last request; None before the first, whatever uvicorn declares."""

    _leaving: ClassVar[dict["Connection", None]] = {}
    """Those that were turned away and may still read why, the first one first."""

    def __init__(self, *given: Any, **more: Any) -> None:  # noqa: ANN401 - uvicorn's own business
        super().__init__(*given, **more)
        self.logger = _logger
        self._patience: asyncio.TimerHandle | None = None
        self.waits_since = self.loop.time()

    @property
    def waits(self) -> bool:
        """Whether all is up to the other side: no request is under way here, or its answer is not read."""
        return self.flow.write_paused or self.cycle is None or self.cycle.response_complete

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One more; where there are too many, the one that has waited longest goes."""
        super().connection_made(transport)
        # Nothing may be left unread for long. TLS takes 0 for a bound that is always reached.
        transport.set_write_buffer_limits(high=1 if self.scheme == "https" else 0)
        self._wait()
        others = [other for other in self.connections if isinstance(other, Connection) and other is not self]
        waiting = [other for other in others if other.waits]
        if len(others) >= MOST_CONNECTIONS and waiting:
            min(waiting, key=lambda other: other.waits_since).turn_away()

    @override
    def on_response_complete(self) -> None:
        """The next head is waited for."""
        super().on_response_complete()
        self._wait()

    @override
    def pause_writing(self) -> None:
        """Something of an answer is left here, since the other side does not read it."""
        super().pause_writing()
        self._wait()

    @override
    def resume_writing(self) -> None:
        """It was read: now the next head is waited for."""
        super().resume_writing()
        self._wait()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._leaving.pop(self, None)
        self._stop_waiting()

    @override
    def _should_upgrade(self) -> bool:
        """Never: the request is answered as if it had not asked."""
        return False

    @override
    def send_400_response(self, msg: str) -> None:
        """What comes is no HTTP: say so, unless an answer has begun or is over, and end it."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # its answer would come after this one
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.leave()

    def _wait(self) -> None:
        self._stop_waiting()
        self.waits_since = self.loop.time()
        seconds = SECONDS_FOR_ANSWER if self.flow.write_paused else SECONDS_FOR_HEAD
        self._patience = self.loop.call_later(seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()

    def _lose_patience(self) -> None:
        if self.waits:
            self.leave()

    def turn_away(self) -> None:
        """Say that there are too many, where no request was answered here yet, and end it.

        After an answer nothing more is asked for: the next request would take this for its own.
        """
        if self.cycle is not None:
            self.leave()
            return
        self.transport.write(_BUSY)
        self._stop_waiting()
        self.connections.discard(self)
        self._leaving[self] = None
        if len(self._leaving) > _most_leaving():
            next(iter(self._leaving)).leave()
        # A request may be on its way: whoever sends to what is closed loses the answer.
        self._patience = self.loop.call_later(SECONDS_TO_LEAVE, self.leave)

    @override
    def handle_events(self) -> None:
        """In a crowd a request that is whole is taken as one that asks for the connection's end.

        Whoever still sends a body would lose the answer by it.
        """
        super().handle_events()
        cycle = self.cycle
        is_whole = cycle is not None and not cycle.more_body and not cycle.response_started
        if is_whole and len(self.connections) > _CROWD and _CLOSE not in self.headers:
            self.headers.append(_CLOSE)

    @override
    def data_received(self, data: bytes) -> None:
        """Of whoever was turned away nothing is heard any more."""
        if self not in self._leaving:
            super().data_received(data)

    def leave(self) -> None:
        """End it, and count it no longer; to close it would wait for whoever reads nothing.

        What the system has of an answer it sends all the same.
        """
        self.connections.discard(self)
        self._leaving.pop(self, None)
        self.transport.abort()
