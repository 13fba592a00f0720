"""An address that leads where a test says, as a name does that moves to another server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from deploy.local.ports import LOOPBACK

LARGEST = 65_536


class Forwarder:
    """Connections made from now on lead to `upstream`; those that are open stay where they are."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self.delay = 0.0
        """Seconds before each answer goes on, as from a server far away or at its limits."""

    @classmethod
    @asynccontextmanager
    async def to(cls, upstream: int) -> AsyncIterator["Forwarder"]:
        forwarder = cls(upstream)
        server = await asyncio.start_server(forwarder._serve, LOOPBACK, 0)
        forwarder.port = server.sockets[0].getsockname()[1]
        async with server:
            yield forwarder

    def through(self, dsn: str) -> str:
        """The connection string by way of this address."""
        return dsn.replace(f":{urlsplit(dsn).port}/", f":{self.port}/")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(LOOPBACK, self.upstream)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, upstream_writer))
                group.create_task(self._pump(upstream_reader, writer, late=True))
        except* ConnectionError:
            pass  # who does not wait for the answer hangs up
        finally:
            writer.close()
            upstream_writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool = False
    ) -> None:
        while data := await reader.read(LARGEST):
            if late:
                await asyncio.sleep(self.delay)
            writer.write(data)
        writer.close()
