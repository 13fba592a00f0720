"""A proxy that loses exactly one answer of PostgreSQL: the statement was executed, and nobody hears of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BIND = b"B"
LARGEST = 65_536


class CuttingProxy:
    """Forwards until the statement whose text contains `marker` has been executed, then drops its answer."""

    def __init__(self, host: str, port: int, marker: bytes) -> None:
        self.port = 0
        self._host = host
        self._upstream = port
        self._marker = marker
        self._links: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, host: str, port: int, marker: bytes) -> AsyncIterator["CuttingProxy"]:
        proxy = cls(host, port, marker)
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        async with server:
            yield proxy

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._upstream)
        executed = asyncio.Event()
        pumps = [
            asyncio.create_task(self._ask(reader, upstream_writer, executed)),
            asyncio.create_task(self._answer(upstream_reader, writer, executed)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        writer.close()
        upstream_writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, executed: asyncio.Event
    ) -> None:
        is_prepared = False
        while data := await reader.read(LARGEST):
            if is_prepared and data.startswith(BIND):
                executed.set()
            is_prepared = is_prepared or self._marker in data
            writer.write(data)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, executed: asyncio.Event
    ) -> None:
        while data := await reader.read(LARGEST):
            if executed.is_set():
                return
            writer.write(data)
