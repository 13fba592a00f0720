"""A proxy before Temporal that makes a worker unheard: it gets its task, and what it answers is lost."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

LARGEST = 65_536
FRAME_HEADER, DATA, STREAM_BITS = 9, 0, 0x7FFFFFFF
MESSAGE_HEADER = 5


class MutingProxy:
    """Forwards until the server says what it was told to mute at; from then on the server hears nothing.

    That is the moment between an activity's start and its result, for as long as it takes to look and to act.
    """

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.rpartition(":")
        self._upstream = host, int(port)
        self._marker: bytes | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._is_over = False
        self.is_muted = False
        self.address = ""

    @classmethod
    @asynccontextmanager
    async def before(cls, upstream: str) -> AsyncIterator["MutingProxy"]:
        """Listen for the block; ``address`` is where."""
        proxy = cls(upstream)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        proxy.address = f"{host}:{port}"
        try:
            yield proxy
        finally:
            proxy._is_over = True
            server.close()
            for link in proxy._links:
                link.cancel()
            await asyncio.gather(*proxy._links, return_exceptions=True)

    def mute_at(self, marker: bytes) -> None:
        """From the next message on that holds these bytes; it reaches the worker."""
        self._marker = marker

    def unmute(self) -> None:
        """Hear who connects from now on; a connection that lost a word says nothing any more."""
        self._marker, self.is_muted = None, False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        link.add_done_callback(self._links.discard)
        try:
            if not self._is_over:  # one that was accepted at the very end
                await self._forward(reader, writer)
        finally:
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
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        is_heard = True
        while data := await reader.read(LARGEST):
            is_heard = is_heard and not self.is_muted
            if is_heard:
                server.write(data)
                await server.drain()

    async def _answer(self, server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages = Messages()
        while data := await server.read(LARGEST):
            # Before it goes on, so that no answer to it can come first.
            for message in messages.feed(data):
                self.is_muted = self.is_muted or (self._marker is not None and self._marker in message)
            writer.write(data)
            await writer.drain()


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
