"""A relay before one source: the worker reaches it through here, and alone sees it gone, slow or mad."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from deploy.local.ports import LOOPBACK

LARGEST = 65_536

type Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Link:
    """One connection of the worker, and how to reach what it wanted to reach."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    connect: Callable[[], Awaitable[Streams]]
    strike: Callable[[], None]
    """To be called once something was asked here, and not answered as it should have been."""


type Spoiling = Callable[[Link], Awaitable[None]]
"""What becomes of a connection; it is closed when this returns."""


class Relay:
    """Forwards to ``upstream``, a `host:port` or a `unix://` socket, until it is spoilt."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._spoiling: Spoiling = forward
        self._links: set[asyncio.Task[None]] = set()
        self.port = 0
        self.struck = 0
        """How often something that was asked here was not answered as it should have been."""

    @classmethod
    @asynccontextmanager
    async def before(cls, upstream: str) -> AsyncIterator[Relay]:
        """Listen for the block."""
        relay = cls(upstream)
        server = await asyncio.start_server(relay._serve, LOOPBACK, 0)
        relay.port = server.sockets[0].getsockname()[1]
        try:
            yield relay
        finally:
            server.close()
            relay._cut()
            await asyncio.gather(*relay._links, return_exceptions=True)

    @property
    def address(self) -> str:
        """Where the worker is to go."""
        return f"{LOOPBACK}:{self.port}"

    @contextmanager
    def spoilt(self, spoiling: Spoiling) -> Iterator[None]:
        """For the block; connections that were open before end, as they do after it."""
        self._spoiling, self.struck = spoiling, 0
        self._cut()
        try:
            yield
        finally:
            self._spoiling = forward
            self._cut()

    def _cut(self) -> None:
        for link in self._links:
            link.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.ensure_future(self._spoiling(Link(reader, writer, self._connect, self._strike)))
        self._links.add(link)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await link
        finally:
            self._links.discard(link)
            writer.close()

    def _strike(self) -> None:
        self.struck += 1

    async def _connect(self) -> Streams:
        path = self._upstream.removeprefix("unix://")
        if path != self._upstream:
            return await asyncio.open_unix_connection(path)
        host, _, port = self._upstream.removeprefix("tcp://").rpartition(":")
        return await asyncio.open_connection(host, int(port))


async def forward(link: Link) -> None:
    """As it should be."""
    await carry(link, pump, pump)


type Pump = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def carry(link: Link, ask: Pump, answer: Pump) -> None:
    """Both ways, until either of them ends."""
    upstream_reader, upstream_writer = await link.connect()
    pumps = [
        asyncio.ensure_future(ask(link.reader, upstream_writer)),
        asyncio.ensure_future(answer(upstream_reader, link.writer)),
    ]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        upstream_writer.close()
        for each in pumps:
            each.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry everything as it comes."""
    while data := await reader.read(LARGEST):
        writer.write(data)
        await writer.drain()
