"""A gate before Temporal: holds a worker's link at an exact step, for as long as something is broken."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from deploy.local.ports import LOOPBACK

LARGEST = 65_536
FRAME_HEADER, DATA, STREAM_BITS = 9, 0, 0x7FFFFFFF
MESSAGE_HEADER = 5


class Gate:
    """Forwards, until the server says what it was told to close at; nothing is lost until it is cut."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._marker: bytes | None = None
        self._is_held_back = False
        self._may_answer, self._may_ask = asyncio.Event(), asyncio.Event()
        self._links: set[asyncio.Task[None]] = set()
        self.closed = asyncio.Event()
        """Whether the step has come."""
        self.closed_at: datetime | None = None
        """When it came last."""
        self.opened_at: datetime | None = None
        """When what was held there went on, or was lost; None while it is held."""
        self.address = ""
        self.open()

    @classmethod
    @asynccontextmanager
    async def before(cls, upstream: str) -> AsyncIterator[Gate]:
        """Listen for the block; ``address`` is where."""
        gate = cls(upstream)
        server = await asyncio.start_server(gate._serve, LOOPBACK, 0)
        host, port = server.sockets[0].getsockname()
        gate.address = f"{host}:{port}"
        try:
            yield gate
        finally:
            server.close()
            await gate.cut()

    def close_before(self, marker: bytes) -> None:
        """The message that holds these bytes does not reach the worker yet."""
        self._marker, self._is_held_back = marker, True

    def close_after(self, marker: bytes) -> None:
        """It reaches the worker, and what the worker says from then on does not reach the server yet."""
        self._marker, self._is_held_back = marker, False

    def open(self) -> None:
        """Whatever was held goes on."""
        self._marker = None
        if self.closed.is_set():
            self.opened_at = datetime.now(UTC)
        self.closed.clear()
        self._may_answer.set()
        self._may_ask.set()

    async def cut(self) -> None:
        """Whatever was held is lost, with every connection; who connects from now on is heard."""
        links = set(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)
        self.open()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.ensure_future(self._forward(reader, writer))
        self._links.add(link)
        # Of a server that is gone, its client asks again.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await link
        self._links.discard(link)
        writer.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._upstream)
        pumps = [
            asyncio.create_task(self._ask(reader, server_writer)),
            asyncio.create_task(self._answer(server_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            server_writer.close()
            writer.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await reader.read(LARGEST):
            await self._may_ask.wait()
            server.write(data)
            await server.drain()

    async def _answer(self, server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages = Messages()
        while data := await server.read(LARGEST):
            for message in messages.feed(data):
                self._look_at(message)
            await self._may_answer.wait()
            writer.write(data)
            await writer.drain()

    def _look_at(self, message: bytes) -> None:
        if self._marker is not None and self._marker in message:
            held = self._may_answer if self._is_held_back else self._may_ask
            held.clear()
            self._marker = None
            self.closed_at, self.opened_at = datetime.now(UTC), None
            self.closed.set()


class Messages:
    """What a server says on one connection: frames of HTTP/2, in their data gRPC messages, mostly gzipped."""

    def __init__(self) -> None:
        self._rest = b""
        self._streams: dict[int, bytes] = {}

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every message that is whole with these bytes."""
        self._rest += data
        while len(self._rest) >= FRAME_HEADER + (length := int.from_bytes(self._rest[:3])):
            end = FRAME_HEADER + length
            frame, self._rest = self._rest[:end], self._rest[end:]
            if frame[3] == DATA:
                yield from self._read(int.from_bytes(frame[5:9]) & STREAM_BITS, frame[FRAME_HEADER:])

    def _read(self, stream: int, payload: bytes) -> Iterator[bytes]:
        rest = self._streams.pop(stream, b"") + payload
        while len(rest) >= MESSAGE_HEADER + (length := int.from_bytes(rest[1:MESSAGE_HEADER])):
            end = MESSAGE_HEADER + length
            is_compressed, message, rest = rest[0], rest[MESSAGE_HEADER:end], rest[end:]
            yield gzip.decompress(message) if is_compressed else message
            if not rest:
                return
        self._streams[stream] = rest
