"""What a source can do instead of answering: nothing, late, half, too much, or something else."""

from __future__ import annotations

import asyncio

from bench.chaos.relay import Link, Spoiling, carry, pump

SECONDS_LATE = 0.4
HEAD_ENDS = b"\r\n\r\n"
FLOOD = b"10000\r\n" + b"9" * 0x10000 + b"\r\n"
MOST_FLOOD = 512
"""Pieces of 64 KiB: 32 MiB, more than any bound of ours."""
TERMINATE = b"terminate_session"


async def gone(link: Link) -> None:
    """The connection ends at once."""
    link.strike()


async def hanging(link: Link) -> None:
    """It is taken, and nothing is ever said."""
    if await link.reader.read(1):
        link.strike()
    await asyncio.Event().wait()


async def late(link: Link) -> None:
    """Every answer comes, each of its pieces late."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await asyncio.sleep(SECONDS_LATE)
            writer.write(data)
            link.strike()

    await carry(link, pump, answer)


async def cut_in_the_act(link: Link) -> None:
    """The statement that ends sessions reaches the server, and its answer is lost with the connection."""
    executed = asyncio.Event()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_prepared = False
        while data := await reader.read(65_536):
            if is_prepared and data.startswith(b"B"):
                executed.set()
            is_prepared = is_prepared or TERMINATE in data
            writer.write(data)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if executed.is_set():
                link.strike()
                return
            writer.write(data)

    await carry(link, ask, answer)


async def flooding(link: Link) -> None:
    """An answer far longer than anybody can want."""
    await link.reader.readuntil(HEAD_ENDS)
    link.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(MOST_FLOOD):
        link.writer.write(FLOOD)
        await link.writer.drain()
        link.strike()


def answering(body: bytes, status: str = "200 OK", *, claims: int | None = None) -> Spoiling:
    """The same page whatever is asked; it may claim to be longer than it is."""
    length = len(body) if claims is None else claims
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"

    async def answer(link: Link) -> None:
        await link.reader.readuntil(HEAD_ENDS)
        link.writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        await link.writer.drain()
        link.strike()

    return answer


_NAN = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"NaN"]}]}}'
NONSENSE: dict[str, Spoiling] = {
    "gone": gone,
    "hanging": hanging,
    "late": late,
    "a page for people": answering(b"<html><body>Sign in</body></html>"),
    "an error": answering(b"", "500 Internal Server Error"),
    "truncated": answering(b'{"status":"success","data":{"resu', claims=5000),
    "a flood": flooding,
    "wrong types": answering(b'{"status":"success","data":{"resultType":"vector","result":"none"}}'),
    "not a number": answering(_NAN),
}
"""By what it is called in the summary."""
