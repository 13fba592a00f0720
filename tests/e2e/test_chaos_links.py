"""What stands between a worker and all that it asks in a trial of chaos: it carries, holds, loses, spoils."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bench.chaos import trial
from bench.chaos.faults import Fault
from bench.chaos.relay import Relay
from bench.chaos.site import Site
from bench.chaos.spoiling import MOST_FLOOD, NONSENSE, answering, cut_in_the_act, gone, hanging, late
from bench.chaos.strike import Outage, Part
from deploy.demo.gate import Gate

SOON = 2.0
NOT_YET = 0.2
ASKED = b"GET / HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def server(answer: Callable[[bytes], bytes]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers every line; what it heard."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            heard.append(data)
            writer.write(answer(data))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    try:
        yield f"{host}:{port}", heard
    finally:
        listening.close()


async def ask(address: str, data: bytes, within: float = SOON) -> bytes:
    """The first of what comes back; empty at the end of the connection."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with asyncio.timeout(within):
            return await reader.read(65_536)
    finally:
        writer.close()


async def test_a_relay_forwards_until_it_is_spoilt_and_after_it_again() -> None:
    async with server(bytes.upper) as (upstream, heard), Relay.before(upstream) as relay:
        assert await ask(relay.address, b"ping") == b"PING"
        with relay.spoilt(gone):
            assert await ask(relay.address, b"ping") == b""
        with relay.spoilt(hanging), pytest.raises(TimeoutError):
            await ask(relay.address, b"ping", NOT_YET)
        assert relay.struck == 1
        assert await ask(relay.address, b"pong") == b"PONG"
        assert heard == [b"ping", b"pong"]


async def test_connections_that_were_open_end_when_a_relay_is_spoilt() -> None:
    async with server(bytes.upper) as (upstream, _), Relay.before(upstream) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"ping")
        assert await reader.read(100) == b"PING"
        with relay.spoilt(hanging):
            async with asyncio.timeout(SOON):
                assert await reader.read(100) == b""
        writer.close()


@pytest.mark.parametrize("how", NONSENSE)
async def test_only_what_was_asked_has_struck(how: str) -> None:
    async with server(bytes.upper) as (upstream, _), Relay.before(upstream) as relay:
        with relay.spoilt(NONSENSE[how]):
            assert relay.struck == 0
            with contextlib.suppress(TimeoutError):
                await ask(relay.address, ASKED, 1.0)
            assert relay.struck > 0


async def test_a_late_answer_comes_late() -> None:
    async with server(bytes.upper) as (upstream, _), Relay.before(upstream) as relay:
        with relay.spoilt(late):
            began = asyncio.get_running_loop().time()
            assert await ask(relay.address, b"ping") == b"PING"
            assert asyncio.get_running_loop().time() - began > NOT_YET


async def test_a_page_may_claim_more_than_it_says() -> None:
    async with server(bytes.upper) as (upstream, heard), Relay.before(upstream) as relay:
        with relay.spoilt(answering(b"half", claims=100)):
            said = await ask(relay.address, ASKED)
            assert b"Content-Length: 100" in said
            assert said.endswith(b"\r\n\r\nhalf")
        assert heard == []


async def test_a_flood_is_one() -> None:
    async with server(bytes.upper) as (upstream, _), Relay.before(upstream) as relay:
        with relay.spoilt(NONSENSE["a flood"]):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            writer.write(ASKED)
            read = 0
            while data := await reader.read(1_048_576):
                read += len(data)
            writer.close()
    assert read > MOST_FLOOD * 65_536


async def test_a_statement_is_executed_and_nobody_hears_of_it() -> None:
    async with server(bytes.upper) as (upstream, heard), Relay.before(upstream) as relay:
        with relay.spoilt(cut_in_the_act):
            reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            writer.write(b"Pselect terminate_session()")
            assert (await reader.read(100)).startswith(b"PSELECT")
            writer.write(b"B\x00")
            async with asyncio.timeout(SOON):
                assert await reader.read(100) == b""
            writer.close()
            assert relay.struck == 1
        assert heard[-1] == b"B\x00"


async def test_another_statement_is_not_cut_off() -> None:
    async with server(bytes.upper) as (upstream, _), Relay.before(upstream) as relay:
        with relay.spoilt(cut_in_the_act):
            assert await ask(relay.address, b"Pselect 1") == b"PSELECT 1"
            assert relay.struck == 0


def message(text: bytes) -> bytes:
    """One gRPC message in one frame of HTTP/2, not compressed."""
    body = b"\x00" + len(text).to_bytes(4) + text
    return len(body).to_bytes(3) + b"\x00\x00" + (1).to_bytes(4) + body


async def test_a_gate_holds_the_answer_that_it_was_told_to_close_before() -> None:
    async with server(lambda _: message(b"terminate")) as (upstream, _), Gate.before(upstream) as gate:
        gate.close_before(b"terminate")
        waiting = asyncio.create_task(ask(gate.address, b"poll"))
        async with asyncio.timeout(SOON):
            await gate.closed.wait()
        await asyncio.sleep(NOT_YET)
        assert not waiting.done()
        gate.open()
        assert await waiting == message(b"terminate")
        assert not gate.closed.is_set()


async def test_a_gate_holds_what_is_said_after_an_answer_and_loses_it_when_cut() -> None:
    async with server(lambda _: message(b"permitted")) as (upstream, heard), Gate.before(upstream) as gate:
        gate.close_after(b"permitted")
        host, _, port = gate.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"may I")
        assert await reader.read(100) == message(b"permitted")
        writer.write(b"done")
        await asyncio.sleep(NOT_YET)
        await gate.cut()
        async with asyncio.timeout(SOON):
            assert await reader.read(100) == b""
        writer.close()
        assert heard == [b"may I"]
        assert await ask(gate.address, b"again") == message(b"permitted")


async def test_what_a_gate_held_goes_on_once_it_is_open() -> None:
    async with server(lambda _: message(b"permitted")) as (upstream, heard), Gate.before(upstream) as gate:
        gate.close_after(b"permitted")
        host, _, port = gate.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"may I")
        await reader.read(100)
        writer.write(b"done")
        await asyncio.sleep(NOT_YET)
        assert heard == [b"may I"]
        gate.open()
        async with asyncio.timeout(SOON):
            await reader.read(100)
        writer.close()
        assert heard == [b"may I", b"done"]


async def held_out(during: Callable[[Site], AbstractAsyncContextManager[None]]) -> Outage:
    """By how much a gate that is closed excuses, where this strikes."""
    async with server(lambda _: message(b"terminate")) as (upstream, _), Gate.before(upstream) as gate:
        site = site_at(gate)
        gate.close_before(b"terminate")
        waiting = asyncio.create_task(ask(gate.address, b"poll"))
        async with asyncio.timeout(SOON):
            await gate.closed.wait()
        closed_at = datetime.now(UTC)
        async with trial.struck_by(Fault("any", during), site):
            gate.open()
        await asyncio.gather(waiting, return_exceptions=True)
    (outage,) = site.strike.outages
    assert outage.part is Part.WORKER
    assert outage.since <= closed_at
    return outage


def site_at(gate: Gate) -> Site:
    nothing: Any = None
    return Site(nothing, nothing, gate, {}, nothing)


async def test_a_worker_is_out_until_the_gate_is_open_however_long_the_fault_takes_to_strike() -> None:
    moments = list[datetime]()

    @asynccontextmanager
    async def during(site: Site) -> AsyncIterator[None]:
        moments.append(datetime.now(UTC))
        site.gate.open()
        moments.append(datetime.now(UTC))
        await asyncio.sleep(NOT_YET)
        await site.gate.cut()
        yield

    outage = await held_out(during)
    assert moments[0] <= outage.until <= moments[1]


async def test_a_worker_is_out_until_a_fault_that_opens_no_gate_has_struck() -> None:
    moments = list[datetime]()

    @asynccontextmanager
    async def during(_: Site) -> AsyncIterator[None]:
        moments.append(datetime.now(UTC))
        yield

    outage = await held_out(during)
    assert moments[0] <= outage.until <= datetime.now(UTC)


async def test_where_a_gate_holds_nothing_no_worker_is_out() -> None:
    @asynccontextmanager
    async def during(site: Site) -> AsyncIterator[None]:
        site.gate.open()
        yield

    async with server(bytes.upper) as (upstream, _), Gate.before(upstream) as gate:
        site = site_at(gate)
        async with trial.struck_by(Fault("any", during), site):
            pass
    assert site.strike.outages == []
