"""A server that answers every connection with bytes of the test's choosing, good HTTP or not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

type Answer = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]
"""Gets the question's head, request line included."""


@dataclass
class CannedServer:
    """Gives `answers` in turn, the last one for ever."""

    url: str
    answers: list[Answer]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await reader.readexactly(_length(head))
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                await answer(writer, head)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def canned(*answers: Answer) -> AsyncIterator[CannedServer]:
    """A server on a free port of the loopback, ended with all its connections."""
    server = CannedServer("", list(answers))
    tasks: set[asyncio.Task[None]] = set()

    def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.serve(reader, writer))
        tasks.add(task)

    listening = await asyncio.start_server(connect, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def page(body: bytes, status: str = "200 OK", headers: str = "", claims: int | None = None) -> Answer:
    """An HTTP answer; `claims` is a Content-Length that is not the body's."""
    length = len(body) if claims is None else claims
    head = f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n".encode()

    async def answer(writer: asyncio.StreamWriter, _head: bytes) -> None:
        writer.write(head + body)
        await writer.drain()
        if claims is not None:
            writer.close()

    return answer


def raw(data: bytes) -> Answer:
    """These bytes, then the end of the connection."""

    async def answer(writer: asyncio.StreamWriter, _head: bytes) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return answer


async def say_nothing(_writer: asyncio.StreamWriter, _head: bytes) -> None:
    """Keep the client waiting."""
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter, _head: bytes) -> None:
    """An answer that goes on for ever, a byte at a time: no pause is long, the whole is."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\n \r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_head(writer: asyncio.StreamWriter, _head: bytes) -> None:
    """The same before the answer's own head has ended."""
    writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


class Flood:
    """An answer that goes on for ever, as fast as it is taken."""

    def __init__(self) -> None:
        self.sent = 0
        """Bytes that the sender got rid of."""

    async def __call__(self, writer: asyncio.StreamWriter, _head: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
            self.sent += 0x10000


def _length(head: bytes) -> int:
    lines = [line.split(b":", 1) for line in head.lower().split(b"\r\n") if b":" in line]
    return next((int(value) for name, value in lines if name == b"content-length"), 0)
